// Unit name patterns as systemd matches them: fnmatch(3) with `*`, `?` and `[...]`.

/** True where the configured name is a pattern that stands for any number of units. */
export function isPattern(name: string): boolean {
  return /[*?[]/.test(name)
}

/** A test for names that match `pattern`; a `[` without its `]` stands for itself, a range turned round for nothing. */
export function globMatcher(pattern: string): (name: string) => boolean {
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
    const expression = new RegExp(`^${source}$`, 's')
    return (name) => expression.test(name)
  } catch {
    return () => false
  }
}
