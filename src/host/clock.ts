// The real clocks: CLOCK_MONOTONIC, as systemd stamps its changes with, and the wall.
import type { Clock } from '../ports.ts'

/** setTimeout cannot wait longer than this. */
const LONGEST_MS = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => ({ monoMs: Number(process.hrtime.bigint() / 1000n) / 1000, wallMs: Date.now() }),
  after(ms, call) {
    const timer = setTimeout(call, Math.min(ms, LONGEST_MS))
    return () => clearTimeout(timer)
  },
}
