// The real clocks and timers, as in production.
import { systemClock } from '../../src/host/clock.ts'
import type { Clock } from '../../src/ports.ts'

export const clock: Clock = {
  now: () => ({ monoMs: Number(process.hrtime.bigint() / 1_000_000n), wallMs: Date.now() }),
  wallMsOf: systemClock.wallMsOf,
  after: systemClock.after,
}
