// Notices that this process stood still (SIGSTOP, a device that was suspended or starved), and has every unit read again:
// a bus that was full meanwhile has dropped signals without a word (dbus-daemon(1), max_outgoing_bytes).
import type { Clock, Log, UnitSource } from '../ports.ts'

const LOOK_EVERY_MS = 10_000
/** A timer that is so late was not only waiting for its turn. */
const LATE_MS = 2_000

/** The same source; the answers to the reads come after the signals that were waiting, so each is at its place. */
export function withStallDetector(source: UnitSource, clock: Clock, log: Log): UnitSource {
  let undo = () => {}
  const check = () => {
    const due = clock.now().monoMs + LOOK_EVERY_MS
    undo = clock.after(LOOK_EVERY_MS, () => {
      const lateMs = clock.now().monoMs - due
      if (lateMs > LATE_MS) {
        log('warning', `stood still for ${Math.round(lateMs / 1000)} s: every unit is read again`)
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
