// Matches unit name patterns as systemd does: fnmatch(3) with `*`, `?` and `[...]`.

/** True if the configured name is a pattern, which can match any number of units. */
export function isPattern(name: string): boolean {
  return /[*?[]/.test(name)
}

/**
 * Returns a test for names that match `pattern`. A `[` without `]` is literal; an invalid pattern matches nothing. The time
 * of a test is at most proportional to both lengths, whatever the pattern: a client may have sent it.
 */
export function globMatcher(pattern: string): (name: string) => boolean {
  const tokens = tokensOf(pattern)
  return tokens === null ? () => false : (name) => matches(tokens, name)
}

/** False for an invalid range such as `[z-a]`. */
export function isGoodPattern(pattern: string): boolean {
  return tokensOf(pattern) !== null
}

/** Matches one letter; null, any number of letters. */
type Token = ((letter: string) => boolean) | null

/** The last `*` takes one more letter whenever what follows it does not match: no earlier `*` has to be tried again. */
function matches(tokens: readonly Token[], name: string): boolean {
  let at = 0
  let star = -1
  let resume = 0
  for (let i = 0; i < name.length; ) {
    const token = tokens[at]
    if (token === null) {
      star = at++
      resume = i
    } else if (token?.(name.charAt(i))) {
      at++
      i++
    } else if (star >= 0) {
      at = star + 1
      i = ++resume
    } else return false
  }
  return tokens.slice(at).every((token) => token === null)
}

function tokensOf(pattern: string): Token[] | null {
  const tokens: Token[] = []
  for (const [part, not, set] of pattern.matchAll(/\[([!^]?)([^\]]+)\]|[\s\S]/g)) {
    const token = set === undefined ? tokenOf(part) : setOf(set, not !== '')
    if (token === undefined) return null
    tokens.push(token)
  }
  return tokens
}

function tokenOf(letter: string): Token {
  if (letter === '*') return null
  return letter === '?' ? () => true : (one) => one === letter
}

/** Undefined for an invalid range. */
function setOf(set: string, isNot: boolean): Token | undefined {
  try {
    const letters = new RegExp(`[${set.replace(/[\\^[\]]/g, '\\$&')}]`)
    return (letter) => letters.test(letter) !== isNot
  } catch {
    return undefined
  }
}
