// What was given up and must be told: one record for any number of events, so that no gap in the sequence is a riddle. Pure.

export interface Gap {
  /** The first and the last sequence number given up; between them there may be some that are told. */
  readonly fromSeq: number
  readonly toSeq: number
  readonly count: number
  /** How many of each kind; `unknown` for events that history had forgotten already. */
  readonly byKind: Readonly<Record<string, number>>
}

/** Both in one; either may be missing. */
export function mergeGaps(a: Gap | null, b: Gap | null): Gap | null {
  if (a === null) return b
  if (b === null) return a
  const byKind: Record<string, number> = { ...a.byKind }
  for (const [kind, n] of Object.entries(b.byKind)) byKind[kind] = (byKind[kind] ?? 0) + n
  return {
    fromSeq: Math.min(a.fromSeq, b.fromSeq),
    toSeq: Math.max(a.toSeq, b.toSeq),
    count: a.count + b.count,
    byKind,
  }
}
