// The state messages that wait for one client of the stream: the newest state of each unit, sent at a limited pace.
import type { UnitState } from '../../core/views/unit-state.ts'
import type { Clock } from '../../ports.ts'

/** At most ten messages in any second, also with timers that are a little early; the first one after a pause is sent at once. */
const MESSAGE_EVERY_MS = 110

/** Twice as many units as are watched by default at most. With `units=all`, their number has no limit of its own. */
export const UNITS_AT_MOST = 2_000

export interface StateQueue {
  /** Sends the state now, or when it is the turn of its unit, unless a newer one replaces it. False: too many units wait. */
  add(state: UnitState): boolean
  /** The client can receive again. */
  resume(): void
  stop(): void
}

/**
 * Units have their turn in the order in which they began to wait, and one that changes again keeps its place. So a unit that
 * changes all the time delays each other one by a single message.
 */
export function createStateQueue(
  clock: Clock,
  client: { readonly send: (state: UnitState) => void; readonly canReceive: () => boolean },
): StateQueue {
  const waiting = new Map<string, UnitState>()
  let cancelPause: (() => void) | null = null

  function sendNext(): void {
    const [next] = waiting.values()
    if (next === undefined || cancelPause !== null || !client.canReceive()) return
    waiting.delete(next.unit)
    cancelPause = clock.after(MESSAGE_EVERY_MS, () => {
      cancelPause = null
      sendNext()
    })
    client.send(next)
  }

  return {
    add(state) {
      waiting.set(state.unit, state)
      sendNext()
      return waiting.size <= UNITS_AT_MOST
    },
    resume: sendNext,
    stop() {
      waiting.clear()
      cancelPause?.()
    },
  }
}
