// Detects that this process was stalled (a frozen control group, no CPU time), and then has all units read again:
// dbus-daemon may have dropped signals silently while our queue was full (dbus-daemon(1), max_outgoing_bytes).
import type { Clock, Log, UnitSource } from '../ports.ts'

const LOOK_EVERY_MS = 10_000
/** A timer that is later than this cannot be explained by a busy event loop. */
const LATE_MS = 2_000

/** Wraps `source`; `note` gets the delay of each of its timers. A stop by SIGSTOP is noticed earlier: SIGCONT ends it. */
export function withStallDetector(
  source: UnitSource,
  note: (lateMs: number) => void,
  clock: Clock,
  log: Log,
): UnitSource {
  let undo = () => {}
  const check = () => {
    const due = clock.now().monoMs + LOOK_EVERY_MS
    undo = clock.after(LOOK_EVERY_MS, () => {
      const lateMs = clock.now().monoMs - due
      note(lateMs)
      if (lateMs > LATE_MS) {
        log('warning', `process was stalled for ${Math.round(lateMs / 1000)} s; re-reading all units`)
        source.suspectGap()
      }
      check()
    })
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
