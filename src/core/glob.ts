// Matches unit name patterns as systemd does: fnmatch(3) with `*`, `?` and `[...]`.

/** True if the configured name is a pattern, which can match any number of units. */
export function isPattern(name: string): boolean {
  return /[*?[]/.test(name)
}

/** Returns a test for names that match `pattern`. A `[` without `]` is literal; an invalid pattern matches nothing. */
export function globMatcher(pattern: string): (name: string) => boolean {
  const expression = compiled(pattern)
  return expression === null ? () => false : (name) => expression.test(name)
}

/** False for an invalid range such as `[z-a]`. */
export function isGoodPattern(pattern: string): boolean {
  return compiled(pattern) !== null
}

function compiled(pattern: string): RegExp | null {
  const source = pattern.replace(
    /\[([!^]?)([^\]]+)\]|[\s\S]/g,
    (part, not: string | undefined, set: string | undefined) => {
      if (set !== undefined) return `[${not ? '^' : ''}${set.replace(/[\\^[\]]/g, '\\$&')}]`
      if (part === '*') return '.*'
      if (part === '?') return '.'
      return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    },
  )
  try {
    return new RegExp(`^${source}$`, 's')
  } catch {
    return null
  }
}
