// A time without a connection to the broker: since when, for which reason, and what is logged about it.
import { createReasons } from '../../core/limits/reasons.ts'
import { age } from '../../core/views/format.ts'
import type { Clock, Log } from '../../ports.ts'
import { REFUSED } from './error-text.ts'

/** A broker that is restarted is back by then. */
const SHOW_DURATION_AFTER_MS = 120_000

interface Outage {
  /** The connection was lost. */
  begins(reason: string): void
  /** An attempt to connect has failed. Each reason is logged once. */
  failed(reason: string): void
  over(): void
  /** The latest reason, and after minutes the duration; null while there is a connection. */
  problem(): string | null
  /** Null while there is a connection. */
  beganAtMonoMs(): number | null
}

/** It begins without a connection. */
export function createOutage(shown: string, clock: Pick<Clock, 'now'>, log: Log): Outage {
  let connected = false
  let isFirst = true
  let reason = 'not connected yet'
  let beganAtMonoMs = clock.now().monoMs
  const reasons = createReasons()
  const durationMs = () => clock.now().monoMs - beganAtMonoMs

  return {
    begins(newReason) {
      connected = false
      isFirst = false
      reason = newReason
      beganAtMonoMs = clock.now().monoMs
      log('warning', `mqtt: connection lost (${reason}); reconnecting`)
      reasons.note(reason)
      reasons.note(REFUSED)
    },
    failed(newReason) {
      reason = newReason
      if (reasons.note(reason)) log('warning', `mqtt: cannot connect to ${shown}: ${reason}; retrying`)
    },
    over() {
      connected = true
      reasons.clear()
      if (isFirst) log('info', `mqtt: connected to ${shown}`)
      else log('info', `mqtt: reconnected after ${Math.round(durationMs() / 1000)} s`)
    },
    problem() {
      if (connected) return null
      return durationMs() < SHOW_DURATION_AFTER_MS ? reason : `${reason}; not connected for ${age(durationMs())}`
    },
    beganAtMonoMs: () => (connected ? null : beganAtMonoMs),
  }
}
