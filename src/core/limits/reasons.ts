// The different reasons of one outage, of which each is logged once: the other side may report an unlimited number of them.

const REASONS_AT_MOST = 8

export interface Reasons {
  /** Notes the reason. True if it is to be logged: it is a new one, and there are not too many yet. */
  note(reason: string): boolean
  /** The outage is over. */
  clear(): void
}

export function createReasons(): Reasons {
  const known = new Set<string>()
  return {
    note(reason) {
      if (known.has(reason) || known.size >= REASONS_AT_MOST) return false
      known.add(reason)
      return true
    },
    clear: () => known.clear(),
  }
}
