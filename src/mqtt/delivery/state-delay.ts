// Delays states for a moment, because a unit that restarts passes through several: only the newest one is published.
import type { Clock, Step } from '../../ports.ts'
import type { Snapshots } from './snapshots.ts'

/** How late a state may be published. A restart after the default `RestartSec=` (0.1 s) is over by then. */
const DELAY_MS = 300

interface StateDelay {
  accept(step: Step): void
  /** The states that wait can be published now. */
  release(): void
  /** From now on, no state waits. */
  end(): void
}

interface StateDelayOptions {
  readonly snapshots: Snapshots
  /** There is something to publish. */
  readonly pump: () => void
  readonly clock: Pick<Clock, 'after'>
}

export function createStateDelay({ snapshots, pump, clock }: StateDelayOptions): StateDelay {
  let cancel: (() => void) | null = null
  let ended = false

  function release(): void {
    cancel?.()
    cancel = null
    snapshots.release()
  }

  return {
    accept(step) {
      if (!snapshots.accept(step)) return
      if (ended) return release()
      cancel ??= clock.after(DELAY_MS, () => {
        release()
        pump()
      })
    },
    release,
    end() {
      ended = true
      release()
    },
  }
}
