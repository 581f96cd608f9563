// Feeds systemd's watchdog while all is well: it looks from a timer, so a loop that does not turn feeds nothing.
import type { Clock, Log } from '../ports.ts'

/** While withheld, one good moment is enough. */
const CHECK_AGAIN_AFTER_MS = 1000

interface WatchdogOptions {
  /** systemd's patience. */
  readonly timeoutMs: number
  /** Why it is not to be fed, in words; null while all is well. */
  readonly problem: () => string | null
  readonly feed: () => void
  readonly clock: Clock
  readonly log: Log
}

/** Feeds at half of systemd's patience (sd_watchdog_enabled(3)), at once for the first time; returns its undo. */
export function startWatchdog({ timeoutMs, problem, feed, clock, log }: WatchdogOptions): () => void {
  let withheld = false
  let undo = () => {}
  const check = () => {
    const why = problem()
    if (why === null) feed()
    else if (!withheld) log('warning', `watchdog: not fed (${why}): systemd restarts the agent if that goes on`)
    withheld = why !== null
    undo = clock.after(withheld ? Math.min(CHECK_AGAIN_AFTER_MS, timeoutMs / 2) : timeoutMs / 2, check)
  }
  check()
  return () => undo()
}
