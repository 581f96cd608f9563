// Feeds systemd's watchdog while all is well: it looks from a timer, so a loop that does not turn feeds nothing.
import type { Clock, Log } from '../ports.ts'

/** While hungry, one good moment is enough. */
const LOOK_AGAIN_AFTER_MS = 1000

export interface WatchdogOptions {
  /** systemd's patience. */
  readonly withinMs: number
  /** Why it is not to be fed, in words; null while all is well. */
  readonly problem: () => string | null
  readonly feed: () => void
  readonly clock: Clock
  readonly log: Log
}

/** Feeds at half of systemd's patience (sd_watchdog_enabled(3)), at once for the first time; returns its undo. */
export function startWatchdog({ withinMs, problem, feed, clock, log }: WatchdogOptions): () => void {
  let hungry = false
  let undo = () => {}
  const look = () => {
    const why = problem()
    if (why === null) feed()
    else if (!hungry) log('warning', `watchdog: not fed (${why}): systemd restarts the agent if that goes on`)
    hungry = why !== null
    undo = clock.after(hungry ? Math.min(LOOK_AGAIN_AFTER_MS, withinMs / 2) : withinMs / 2, look)
  }
  look()
  return () => undo()
}
