// The sinks that most gateways do without: desktop notifications, and the push to StatsD.

import { homeOf } from './cli/home.ts'
import type { Config } from './cli/options.ts'
import type { Metrics } from './metrics/metrics.ts'
import type { Clock, EventSink, Log } from './ports.ts'

export interface MoreGiven {
  readonly config: () => Config
  readonly metrics: Metrics
  readonly gatewayId: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  readonly clock: Clock
  readonly log: Log
}

/** Each is loaded where the configuration wants it at the start; switched off and on by a reload from then on. */
export async function moreSinks({ config, metrics, gatewayId, env, uid, clock, log }: MoreGiven): Promise<EventSink[]> {
  const sinks: EventSink[] = []
  if (config().notify.enabled) {
    const { notifications } = await import('./systemd/notifications.ts')
    const address = homeOf(true, env, uid).bus
    sinks.push(notifications({ address, enabled: () => config().notify.enabled, gatewayId, clock, log }))
  }
  if (config().statsd.address !== null) {
    const { statsdPush } = await import('./metrics/statsd.ts')
    const everyMs = () => config().stats_interval * 1000
    sinks.push(statsdPush({ address: () => config().statsd.address, lines: metrics.statsd, everyMs, clock, log }))
  }
  return sinks
}
