// Parses the string literals of PromQL, which are those of Go: quoted with escapes, or raw in backquotes.
interface Literal {
  readonly value: string
  /** The position after the literal. */
  readonly end: number
}

const SIMPLE: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}
/** Numeric escapes: how many digits, in which base. */
const DIGITS: Readonly<Record<string, readonly [length: number, base: number]>> = { x: [2, 16], u: [4, 16], U: [8, 16] }

/** Reads the literal that begins at `at` with one of `"`, `'` and a backquote. */
export function readLiteral(text: string, at: number): Literal | { readonly problem: string; readonly at: number } {
  const quote = text[at]
  if (quote === '`') {
    const end = text.indexOf('`', at + 1)
    return end < 0 ? { problem: 'unterminated raw string', at } : { value: text.slice(at + 1, end), end: end + 1 }
  }
  const bytes: Buffer[] = []
  for (let i = at + 1; i < text.length; ) {
    const c = text[i] ?? ''
    if (c === quote) return { value: Buffer.concat(bytes as Uint8Array[]).toString('utf8'), end: i + 1 }
    if (c === '\n') break
    if (c !== '\\') {
      const whole = String.fromCodePoint(text.codePointAt(i) ?? 0)
      bytes.push(Buffer.from(whole))
      i += whole.length
      continue
    }
    const escaped = unescaped(text, i + 1, quote ?? '')
    if (escaped === null) return { problem: `unknown escape sequence ${JSON.stringify(text.slice(i, i + 2))}`, at: i }
    bytes.push(escaped.bytes)
    i = escaped.end
  }
  return { problem: 'unterminated quoted string', at }
}

/** Decodes the escape sequence after a backslash: `\x` and octal escapes are a byte, the others a character. */
function unescaped(text: string, at: number, quote: string): { readonly bytes: Buffer; readonly end: number } | null {
  const c = text[at] ?? ''
  const simple = c === quote ? quote : SIMPLE[c]
  if (simple !== undefined) return { bytes: Buffer.from(simple), end: at + 1 }
  const octal = /[0-7]/.test(c)
  const [length, base] = octal ? [3, 8] : (DIGITS[c] ?? [0, 0])
  const from = octal ? at : at + 1
  const digits = text.slice(from, from + length)
  const valid = octal ? /^[0-7]{3}$/ : /^[0-9a-fA-F]+$/
  if (length === 0 || digits.length < length || !valid.test(digits)) return null
  const code = Number.parseInt(digits, base)
  if (octal || c === 'x') return code > 255 ? null : { bytes: Buffer.from([code]), end: from + length }
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return null
  return { bytes: Buffer.from(String.fromCodePoint(code)), end: from + length }
}
