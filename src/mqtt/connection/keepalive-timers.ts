// The timers that MQTT.js 5.16 keeps its connection alive with: half as many wake-ups, shared with those of other timers.
import type { Clock } from '../../ports.ts'

const SLACK_AT_MOST_MS = 3_000

type EndTimer = () => void

export interface KeepaliveTimers {
  /** Returns what `clear` is called with. */
  set(call: () => void, halfMs: number): EndTimer
  clear(end: EndTimer): void
}

/**
 * MQTT.js requires a call every half keep-alive interval: at the first it does nothing, at the second it pings, and at the
 * third it gives up. The first is made together with the second.
 */
export function keepaliveTimers({ after }: Pick<Clock, 'after'>): KeepaliveTimers {
  return {
    set(call, halfMs) {
      const slackMs = Math.min(SLACK_AT_MOST_MS, halfMs / 5)
      let ended = false
      let cancel = after(
        2 * halfMs,
        () => {
          call()
          call()
          if (!ended) cancel = after(halfMs, call, slackMs)
        },
        slackMs,
      )
      return () => {
        ended = true
        cancel()
      }
    },
    clear: (end) => end(),
  }
}
