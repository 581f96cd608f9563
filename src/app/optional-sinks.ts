// The sinks that most gateways do without: desktop notifications, and the push to StatsD; loaded when first wanted.

import type { Config } from '../config/keys.ts'
import { pathsOf } from '../config/paths.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Clock, Env, EventSink, Log } from '../ports.ts'

export interface MoreGiven {
  readonly config: () => Config
  readonly metrics: Metrics
  readonly gatewayId: string
  readonly env: Env
  readonly uid: number
  readonly clock: Clock
  readonly log: Log
}

export interface MoreSinks extends EventSink {
  /** Loads what the configuration has come to want. Each of them looks by itself whether it is still wanted. */
  use(): Promise<void>
}

export function moreSinks({ config, metrics, gatewayId, env, uid, clock, log }: MoreGiven): MoreSinks {
  let notes: EventSink | null = null
  let push: EventSink | null = null
  return {
    async use() {
      if (config().notify.enabled && notes === null) {
        const { createNotifications } = await import('../desktop/notifications.ts')
        const address = pathsOf(true, env, uid).bus
        notes = createNotifications({ address, enabled: () => config().notify.enabled, gatewayId, clock, log })
      }
      if (config().statsd.address !== null && push === null) {
        const { createStatsdPush } = await import('../metrics/statsd.ts')
        const everyMs = () => config().stats_interval * 1000
        push = createStatsdPush({ address: () => config().statsd.address, lines: metrics.statsd, everyMs, clock, log })
      }
    },
    accept: (step) => notes?.accept(step),
    async stop() {
      await Promise.all([notes?.stop(), push?.stop()])
    },
  }
}
