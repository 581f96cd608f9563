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
    const timer = setTimeout(call, Math.min(ms, LONGEST_MS))
    return () => clearTimeout(timer)
  },
}
