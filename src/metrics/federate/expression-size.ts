// Estimates what a regular expression costs when it is compiled, without parsing all of RE2's syntax.

/**
 * The weight of a Unicode class, or of a range that reaches beyond ASCII. Compiling one takes up to 1 ms on x64 (25 ms
 * for a range, if case is ignored), where a character takes 5 us.
 */
const UNICODE_WEIGHT = 50
const UNICODE_IN_BRACKETS = /\\[pP]|-(?:\\|[^\p{ASCII}])/gu

/** A bracket expression that is not closed extends to the end: RE2 refuses it, and the search stays linear. */
const TOKEN =
  /\\[pP][^{]|\\[pPx]\{[^}]*\}|\\Q.*?(?:\\E|$)|\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*(?:\]|\\?$)|\{(\d+)(?:,(\d*))?\}|[\s\S]/gy

/** The number of automaton states, with repetitions expanded: an upper bound. Unicode classes count 50 times. */
export function expandedSize(expression: string): number {
  const groups: { size: number; last: number }[] = [{ size: 0, last: 0 }]
  for (const [text, least, most] of expression.matchAll(TOKEN)) {
    const group = groups.at(-1)
    if (group === undefined) return Number.POSITIVE_INFINITY
    if (text === '(') groups.push({ size: 0, last: 0 })
    else if (text === ')' && groups.length > 1) {
      groups.pop()
      const outer = groups.at(-1) ?? group
      outer.last = group.size + 1
      outer.size += outer.last
    } else if (least !== undefined) {
      const times = Math.max(1, Number(least), Number(most ?? 0))
      group.size += group.last * (times - 1)
      group.last *= times
    } else {
      group.last = sizeOfToken(text)
      group.size += group.last
    }
  }
  return groups.reduce((sum, { size }) => sum + size, 0)
}

function sizeOfToken(text: string): number {
  if (text.startsWith('\\Q')) return text.length
  if (text.startsWith('[')) return 1 + UNICODE_WEIGHT * [...text.matchAll(UNICODE_IN_BRACKETS)].length
  return /^\\[pP]/.test(text) ? UNICODE_WEIGHT : 1
}
