// Sends keep-alives to systemd's watchdog while the agent is healthy, from a timer: a blocked event loop sends none.
import type { Clock, Log } from '../ports.ts'

/** While keep-alives are withheld, the check is repeated this soon: they resume with the first healthy check. */
const CHECK_AGAIN_AFTER_MS = 1000

interface WatchdogOptions {
  /** systemd's watchdog timeout. */
  readonly timeoutMs: number
  /** Why the agent is not healthy, as a text for the log; null while it is. */
  readonly problem: () => string | null
  readonly keepAlive: () => void
  readonly clock: Clock
  readonly log: Log
}

/** Sends a keep-alive at once, then at half the timeout (sd_watchdog_enabled(3)). Returns a function that stops it. */
export function startWatchdog({ timeoutMs, problem, keepAlive, clock, log }: WatchdogOptions): () => void {
  let withheld = false
  let undo = () => {}
  const check = () => {
    const why = problem()
    if (why === null) keepAlive()
    else if (!withheld)
      log('warning', `watchdog: keep-alive withheld (${why}); systemd will restart the agent if this lasts`)
    withheld = why !== null
    undo = clock.after(withheld ? Math.min(CHECK_AGAIN_AFTER_MS, timeoutMs / 2) : timeoutMs / 2, check)
  }
  check()
  return () => undo()
}
