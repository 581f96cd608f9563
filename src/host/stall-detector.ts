// Detects that this process was stalled (a frozen control group, no CPU time), and then has all units read again:
// dbus-daemon may have dropped signals silently while our queue was full (dbus-daemon(1), max_outgoing_bytes).
import type { Log, UnitSource } from '../ports.ts'
import type { SharedTimer } from './shared-timers.ts'

const LOOK_EVERY_MS = 10_000
const SLACK_MS = 1_000
/** A timer that is later than this cannot be explained by a busy event loop. */
const LATE_MS = 2_000

/** Wraps `source`; `note` gets the delay of each of its timers. A stop by SIGSTOP is noticed earlier: SIGCONT ends it. */
export function withStallDetector(
  source: UnitSource,
  note: (lateMs: number) => void,
  timer: SharedTimer,
  log: Log,
): UnitSource {
  let undo = () => {}
  const check = () => {
    undo = timer(
      LOOK_EVERY_MS,
      (lateMs) => {
        note(lateMs)
        if (lateMs > LATE_MS) {
          log('warning', `process was stalled for ${Math.round(lateMs / 1000)} s; re-reading all units`)
          source.suspectGap()
        }
        check()
      },
      SLACK_MS,
    )
  }
  return {
    ...source,
    start(observe) {
      source.start(observe)
      check()
    },
    stop() {
      undo()
      return source.stop()
    },
  }
}
