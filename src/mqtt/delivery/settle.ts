// Holds the events after a reconnection: most subscribers come back later than the agent, and a broker keeps nothing
// for one without a session. All events wait, newer ones too, because subscribers take a lower number for a repetition.
import type { Clock } from '../../ports.ts'

/** A connection that always ends early must not hold events forever: after this many in a row, they are not held. */
const INTERRUPTED_AT_MOST = 3

interface Settle {
  /** A connection begins, and events wait. */
  begin(): void
  /** The connection is down. */
  interrupt(): void
  /** Events are published now, without waiting any longer. */
  end(): void
  holds(): boolean
}

interface SettleOptions {
  readonly settleMs: number
  /** The time is over. */
  readonly release: () => void
  readonly clock: Pick<Clock, 'after'>
}

export function createSettle({ settleMs, release, clock }: SettleOptions): Settle {
  let cancel: (() => void) | null = null
  let interrupted = 0

  function end(): void {
    cancel?.()
    cancel = null
    interrupted = 0
  }

  return {
    begin() {
      if (settleMs === 0 || interrupted >= INTERRUPTED_AT_MOST) return end()
      cancel = clock.after(settleMs, () => {
        end()
        release()
      })
    },
    interrupt() {
      if (cancel === null) return
      cancel()
      cancel = null
      interrupted += 1
    },
    end,
    holds: () => cancel !== null,
  }
}
