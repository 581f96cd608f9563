// How long to wait before the next attempt to reach the bus. Pure.

const FIRST_MS = 500
const LONGEST_MS = 30_000

/**
 * Doubles from 0.5 s to 30 s with every attempt (0, 1, 2, ...), less up to a half by chance, so that a house full of
 * gateways does not knock in step. `random` is in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
  return Math.max(FIRST_MS, Math.round(ceiling * (1 - random / 2)))
}
