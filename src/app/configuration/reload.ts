// SIGHUP: applies a new configuration to the running agent, key by key, as the table of keys defines.
import type { Agent } from '../../agent.ts'
import type { Config } from '../../config/keys.ts'
import type { LoadedConfig } from '../../config/load.ts'
import type { Policy } from '../../core/state.ts'
import type { EventsFile } from '../../log/events-file.ts'
import type { Logger } from '../../log/log.ts'
import type { Clock, UnitSource } from '../../ports.ts'
import type { Service } from '../../service/service.ts'
import { type FlushLimits, UNLIMITED_BYTES } from '../../store/flush-budget.ts'
import type { PageRingStore } from '../../store/store.ts'
import type { MqttSwitch } from '../mqtt-switch.ts'
import type { OptionalSinks } from '../optional-sinks.ts'
import type { RemoteWriteSwitch } from '../remote-write-switch.ts'
import { type TcpListener, tcpSettings } from '../tcp-listener.ts'
import type { Configuration } from './configuration.ts'

export interface ReloadOptions {
  readonly configuration: Configuration
  readonly agent: Agent
  readonly store: Pick<PageRingStore, 'limitFlushes'>
  readonly source: UnitSource
  readonly tcp: TcpListener
  readonly mqtt: MqttSwitch
  readonly remoteWrite: RemoteWriteSwitch
  readonly optional: OptionalSinks
  readonly systemd: Service
  readonly logger: Logger
  readonly eventsFile: EventsFile | null
  readonly clock: Clock
}

/**
 * Returns the function that SIGHUP calls. A configuration with problems is refused as a whole and shown in `/-/ready`.
 * Keys that are not named here are read from `configuration.now()` whenever they are needed.
 */
export function createReload(options: ReloadOptions): (next: LoadedConfig) => Promise<void> {
  const { configuration, agent, store, source, tcp, mqtt, remoteWrite, optional, systemd, logger, eventsFile, clock } =
    options
  const { log } = logger

  const apply = async (next: LoadedConfig) => {
    if (!configuration.apply(next, clock.now().monoMs)) {
      for (const { text } of next.problems) log('error', `reload failed, keeping the current configuration: ${text}`)
      for (const warning of configuration.warnings()) log('warning', `reload: ${warning}`)
      return
    }
    const config = configuration.now()
    logger.configure(config)
    agent.observe({ kind: 'policy', at: clock.now(), policy: policyOf(config) })
    store.limitFlushes(flushLimitsOf(config))
    source.watch(config.monitored_services)
    await tcp.listen(tcpSettings(config), false)
    await mqtt.use(config.mqtt)
    await remoteWrite.use()
    await optional.use()
    for (const key of configuration.waiting())
      log('warning', `reload: ${key} cannot be changed at run time; restart gatewatch to apply it`)
    log('info', 'reload: configuration applied')
  }

  return async (next) => {
    systemd.reloading()
    // Even if the configuration is refused: logrotate(8) sends SIGHUP after it has moved a file away.
    logger.reopen()
    eventsFile?.reopen()
    return apply(next).finally(systemd.ready)
  }
}

/** How often and how much may be written to flash. */
export function flushLimitsOf({ flush_interval, flash_bytes_per_day }: Config): FlushLimits {
  return { flushIntervalMs: flush_interval * 1000, bytesPerDay: flash_bytes_per_day || UNLIMITED_BYTES }
}

/** The part of the configuration that the core depends on. */
export function policyOf({ flap, max_units }: Config): Policy {
  return { flapCount: flap.count, flapWindowMs: flap.window * 1000, maxUnits: max_units }
}
