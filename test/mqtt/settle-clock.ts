// A fast clock for tests of `mqtt.settle`, on which only the test lets the time of a hold pass.
import type { Clock } from '../../src/ports.ts'
import { clockOf } from './gateway.ts'

/** To be configured as `mqtt.settle`; no other timer of the sink is this long. */
export const SETTLE_SECONDS = 299

export interface SettleClock {
  readonly clock: Clock
  /** The time of every hold is over. */
  pass(): void
  /** How many holds there are. */
  holds(): number
}

export function settleClock(): SettleClock {
  const fast = clockOf(20)
  const holds = new Set<() => void>()
  const clock: Clock = {
    ...fast,
    after(ms, call) {
      if (ms !== SETTLE_SECONDS * 1000) return fast.after(ms, call)
      holds.add(call)
      return () => void holds.delete(call)
    },
  }
  const pass = () => {
    const due = [...holds]
    holds.clear()
    for (const call of due) call()
  }
  return { clock, pass, holds: () => holds.size }
}
