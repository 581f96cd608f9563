// Measures how deeply a YAML text is nested while it is split into tokens. The yaml package leaves nested tokens recursively, and
// composes their values recursively: 40 KB of dashes would exceed the stack, which can end the process. Pure.
import { Lexer, Parser } from 'yaml'

/** web_config_file has 5 levels of tokens. */
export const NESTING_AT_MOST = 20

/** The position of a token that is nested too deeply, counted from 1; null if there is none. */
export function nestedTooDeeplyAt(text: string): { readonly line: number; readonly col: number } | null {
  const parser = new Parser()
  for (const lexeme of new Lexer().lex(text)) {
    for (const _document of parser.next(lexeme)) {
      // its values are not needed
    }
    const deepest = parser.stack[NESTING_AT_MOST + 1] // below the document
    if (deepest !== undefined) {
      const lines = text.slice(0, deepest.offset).split('\n')
      return { line: lines.length, col: (lines.at(-1) ?? '').length + 1 }
    }
  }
  return null
}
