// Measures how deeply a JSON text is nested before it is parsed: a parser is recursive, and a text of brackets would exceed
// its stack.

/** The configuration has 3 levels, and service_states.json has 2. */
export const NESTING_AT_MOST = 20

export const NESTED_TOO_DEEPLY = `nested more than ${NESTING_AT_MOST} levels deep`

/** The offset of the first bracket that is nested too deeply; null if there is none. The text may have comments. */
export function nestedTooDeeplyAt(text: string): number | null {
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    switch (text[i]) {
      case '"':
        i = endOfString(text, i)
        break
      case '/':
        i = endOfComment(text, i)
        break
      case '[':
      case '{':
        depth += 1
        if (depth > NESTING_AT_MOST) return i
        break
      case ']':
      case '}':
        depth -= 1
        break
    }
  }
  return null
}

/** The offset of the last character of the string that begins at `start`. It ends with its line at the latest. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const c = text[i]
    if (c === '\\') i += 1
    else if (c === '"' || c === '\n' || c === '\r') return i
  }
  return text.length
}

/** The same for a comment; `start` itself if none begins there. */
function endOfComment(text: string, start: number): number {
  const next = text[start + 1]
  if (next !== '/' && next !== '*') return start
  const end = next === '/' ? /[\r\n]/g : /\*\//g
  end.lastIndex = start + 2
  return end.exec(text) === null ? text.length : end.lastIndex - 1
}
