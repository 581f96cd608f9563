// How long to wait before the next attempt to reach the broker. Pure.

const SHORTEST_MS = 1000
const FIRST_CEILING_MS = 2000
const LONGEST_MS = 60_000

/**
 * Between a half and the whole of 2, 4, 8 ... 60 s by chance, for attempts 0, 1, 2, ...: when a central broker comes
 * back, a fleet of gateways does not knock in step. `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_CEILING_MS * 2 ** Math.min(attempt, 16))
  return Math.max(SHORTEST_MS, Math.round(ceiling * (1 - random / 2)))
}
