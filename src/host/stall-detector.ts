// Detects that this process was stalled (SIGSTOP, suspended device, no CPU time), and then has all units read again:
// dbus-daemon may have dropped signals silently while our queue was full (dbus-daemon(1), max_outgoing_bytes).
import type { Clock, Log, UnitSource } from '../ports.ts'

const LOOK_EVERY_MS = 10_000
/** A timer that is later than this cannot be explained by a busy event loop. */
const LATE_MS = 2_000

/** Wraps `source`. Replies to the reads arrive after the signals that were already queued, so the order is right. */
export function withStallDetector(source: UnitSource, clock: Clock, log: Log): UnitSource {
  let undo = () => {}
  const check = () => {
    const due = clock.now().monoMs + LOOK_EVERY_MS
    undo = clock.after(LOOK_EVERY_MS, () => {
      const lateMs = clock.now().monoMs - due
      if (lateMs > LATE_MS) {
        log('warning', `process was stalled for ${Math.round(lateMs / 1000)} s; re-reading all units`)
        void source.reconcile()
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
