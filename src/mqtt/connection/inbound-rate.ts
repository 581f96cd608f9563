// Limits how much the broker may send per second: first reading pauses, then the connection is given up.
import { fullBucket, refilled, type TokenRate } from '../../core/limits/token-bucket.ts'
import type { Clock } from '../../ports.ts'

/**
 * In packets plus KiB. The burst is for what a broker has retained: a message of about 1 KiB for each of at most 1,000
 * units, and discovery; after that, only commands and the status of Home Assistant arrive.
 */
const RATE: TokenRate = { burst: 4096, everyMs: 10 }
/** Reading pauses for one second rather than for one packet. */
const PAUSE_UNTIL_TOKENS = 100
/** Total length of the pauses since the budget was last full. */
const PAUSE_AT_MOST_MS = 10_000

export const RATE_EXCEEDED = `more than ${1000 / RATE.everyMs} messages or KiB per second`

interface InboundRate {
  /** 0: the cost is paid. Otherwise nothing is: pause for this many milliseconds, or give up (Infinity). */
  pay(cost: number): number
}

export function createInboundRate(clock: Pick<Clock, 'now'>): InboundRate {
  let bucket = fullBucket(RATE, clock.now().monoMs)
  let pausedMs = 0
  let pauseEndsAtMs = 0
  return {
    pay(cost) {
      const nowMs = clock.now().monoMs
      bucket = refilled(bucket, RATE, nowMs)
      if (bucket.tokens >= RATE.burst) pausedMs = 0
      if (bucket.tokens >= cost) {
        bucket = { ...bucket, tokens: bucket.tokens - cost }
        return 0
      }
      if (nowMs < pauseEndsAtMs) return pauseEndsAtMs - nowMs
      const pauseMs = Math.ceil((Math.max(cost, PAUSE_UNTIL_TOKENS) - bucket.tokens) * RATE.everyMs)
      pausedMs += pauseMs
      if (pausedMs > PAUSE_AT_MOST_MS) return Infinity
      pauseEndsAtMs = nowMs + pauseMs
      return pauseMs
    },
  }
}
