// Measures how deeply a YAML text is nested before its values are composed. That is recursive in the yaml package, and 40 KB of
// dashes would exceed the stack, which can end the process; splitting the text into tokens is not. Pure.
import { type CST, LineCounter, Parser } from 'yaml'

/** web_config_file has 5 levels of tokens. */
export const NESTING_AT_MOST = 20

/** The position of a token that is nested too deeply, counted from 1; null if there is none. */
export function nestedTooDeeplyAt(text: string): { readonly line: number; readonly col: number } | null {
  const lines = new LineCounter()
  let level: CST.Token[] = [...new Parser(lines.addNewLine).parse(text)]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > NESTING_AT_MOST) return lines.linePos(level[0]?.offset ?? 0)
    level = level.flatMap(tokensIn)
  }
  return null
}

function tokensIn(token: CST.Token): CST.Token[] {
  if (token.type === 'document') return token.value === undefined ? [] : [token.value]
  if (!('items' in token)) return []
  return token.items.flatMap(({ key, value }) => [key, value].filter((one) => one !== undefined && one !== null))
}
