// The real clocks: CLOCK_MONOTONIC, as systemd stamps its changes with, and the wall.
import type { Clock } from '../ports.ts'

/** setTimeout cannot wait longer than this. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now() {
    const [seconds, nanoseconds] = process.hrtime()
    return { monoMs: seconds * 1000 + nanoseconds / 1e6, wallMs: Date.now() }
  },
  after(ms, call) {
    let wanted = true
    // On a busy device a timer overtakes what waits in the sockets, and no restart was announced only because it was
    // not read: one turn of the loop reads first.
    const late = () => setImmediate(() => wanted && call())
    const timer = setTimeout(late, Math.min(ms, LONGEST_MS))
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  },
}
