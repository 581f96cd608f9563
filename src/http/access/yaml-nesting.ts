// Measures how deeply a YAML text is nested while it is split into tokens. The yaml package leaves nested tokens recursively, and
// composes their values recursively: 40 KB of dashes would exceed the stack, which can end the process. Pure.
import { Lexer, LineCounter, Parser } from 'yaml'

/** web_config_file has 5 levels of tokens. */
export const NESTING_AT_MOST = 20

/** The position of a token that is nested too deeply, counted from 1; null if there is none. */
export function nestedTooDeeplyAt(text: string): { readonly line: number; readonly col: number } | null {
  const lines = new LineCounter()
  lines.addNewLine(0)
  const parser = new Parser(lines.addNewLine)
  for (const lexeme of new Lexer().lex(text)) {
    for (const _document of parser.next(lexeme)) {
      // its values are not needed
    }
    const deepest = parser.stack[NESTING_AT_MOST + 1] // below the document
    if (deepest !== undefined) return lines.linePos(deepest.offset)
  }
  return null
}
