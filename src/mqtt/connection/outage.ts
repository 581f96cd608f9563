// A time without a connection to the broker: since when, for which reason, and what is logged about it.
import { age } from '../../core/views/format.ts'
import type { Clock, Log } from '../../ports.ts'
import { REFUSED } from './error-text.ts'

/** Limit for the different reasons logged in one outage: a broker may report an unlimited number of them. */
const REASONS_AT_MOST = 8
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
  const logged = new Set<string>()
  const durationMs = () => clock.now().monoMs - beganAtMonoMs

  return {
    begins(newReason) {
      connected = false
      isFirst = false
      reason = newReason
      beganAtMonoMs = clock.now().monoMs
      log('warning', `mqtt: connection lost (${reason}); reconnecting`)
      logged.add(reason).add(REFUSED)
    },
    failed(newReason) {
      reason = newReason
      if (!logged.has(reason) && logged.size < REASONS_AT_MOST)
        log('warning', `mqtt: cannot connect to ${shown}: ${reason}; retrying`)
      logged.add(reason)
    },
    over() {
      connected = true
      logged.clear()
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
