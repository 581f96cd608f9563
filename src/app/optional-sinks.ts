// The sinks that most gateways do not use, loaded only when configured: desktop notifications and StatsD.
import type { Config } from '../config/keys.ts'
import { pathsOf } from '../config/paths.ts'
import type { Metrics } from '../metrics/metrics.ts'
import type { Clock, Env, EventSink, Log } from '../ports.ts'

export interface OptionalSinksOptions {
  /** The configuration in effect. */
  readonly config: () => Config
  readonly metrics: Metrics
  readonly gatewayId: string
  readonly env: Env
  readonly uid: number
  readonly clock: Clock
  readonly log: Log
}

export interface OptionalSinks extends EventSink {
  /** Loads those that the configuration enables. Each loaded sink checks whether it is still enabled. */
  use(): Promise<void>
}

export function createOptionalSinks(options: OptionalSinksOptions): OptionalSinks {
  const { config, metrics, gatewayId, env, uid, clock, log } = options
  let desktop: EventSink | null = null
  let statsd: EventSink | null = null
  return {
    async use() {
      if (config().notify.enabled && desktop === null) {
        const { createNotifications } = await import('../desktop/notifications.ts')
        const address = pathsOf(true, env, uid).bus
        desktop = createNotifications({ address, enabled: () => config().notify.enabled, gatewayId, clock, log })
      }
      if (config().statsd.address !== null && statsd === null) {
        const { createStatsdPush } = await import('../metrics/statsd.ts')
        const everyMs = () => config().stats_interval * 1000
        statsd = createStatsdPush({
          address: () => config().statsd.address,
          lines: metrics.statsd,
          everyMs,
          clock,
          log,
        })
      }
    },
    accept: (step) => desktop?.accept(step),
    async stop() {
      await Promise.all([desktop?.stop(), statsd?.stop()])
    },
  }
}
