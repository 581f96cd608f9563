// The system clock: CLOCK_MONOTONIC, which systemd uses for its timestamps, and wall time.
import type { Clock } from '../ports.ts'

/** The longest delay that setTimeout supports. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now() {
    const [seconds, nanoseconds] = process.hrtime()
    return { monoMs: seconds * 1000 + nanoseconds / 1e6, wallMs: Date.now() }
  },
  after(ms, call) {
    let wanted = true
    // On a busy device a timer can fire before D-Bus signals that have already arrived are read, and an announced
    // restart would be missed. One more turn of the event loop reads them first.
    const late = () => setImmediate(() => wanted && call())
    const timer = setTimeout(late, Math.min(ms, LONGEST_MS))
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  },
}
