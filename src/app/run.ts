// Wires one run of the agent: creates every part, connects them, starts them, and stops them in order.
import { hostname } from 'node:os'
import { createAgent } from '../agent.ts'
import type { Build } from '../cli/commands/version.ts'
import type { Config } from '../config/keys.ts'
import type { LoadedConfig } from '../config/load.ts'
import { isPattern } from '../core/glob.ts'
import { createHealth, reportLines } from '../core/health.ts'
import type { Identity } from '../core/views/api-json.ts'
import { plural } from '../core/views/format.ts'
import { systemClock as clock } from '../host/clock.ts'
import { createLoopLag } from '../host/loop-lag.ts'
import { optimized } from '../host/v8-flags.ts'
import type { StreamViews } from '../http/api/stream.ts'
import { createHttp } from '../http/http.ts'
import { createLogSink } from '../log/event-sink.ts'
import { type EventsFile, openEventsFile } from '../log/events-file.ts'
import type { Logger } from '../log/log.ts'
import { createMetrics } from '../metrics/metrics.ts'
import type { Env, EventSink, Log } from '../ports.ts'
import { createService } from '../service/service.ts'
import { statusLine } from '../service/status-line.ts'
import { clockSyncOf } from './clock-sync.ts'
import { type Configuration, createConfiguration } from './configuration/configuration.ts'
import { createReload } from './configuration/reload.ts'
import { adviceFor } from './configuration/service-files.ts'
import { waitForUnits } from './drain.ts'
import { createCrashParts } from './evidence/crash-parts.ts'
import { createHttpViews } from './http-views.ts'
import { createMqttSwitch, type MqttSwitch } from './mqtt-switch.ts'
import { type OpenedState, openState } from './open-state.ts'
import { createOptionalSinks } from './optional-sinks.ts'
import { createRemoteWriteSwitch } from './remote-write-switch.ts'
import { createUsageReader } from './resource-usage.ts'
import { scrapeFacts } from './scrape-facts.ts'
import { healthChecks, type LogFile, type StatusInputs } from './status.ts'
import { createTcpListener, metricsUrl, pageUrl, tcpSettings } from './tcp-listener.ts'
import { createAgentControl } from './unit-control.ts'
import { createUnitSource } from './unit-source.ts'

export interface RunOptions {
  readonly loaded: LoadedConfig
  readonly build: Build
  readonly logger: Logger
  readonly env: Env
  readonly uid: number
  readonly asService: boolean
}

export interface Running {
  /** Applies another configuration; if it has problems, keeps the current one and shows them. */
  reload(loaded: LoadedConfig): Promise<void>
  /** Where the metrics are at the start; null if not over TCP. */
  readonly metricsUrl: string | null
  /** This process was stopped and continues. */
  continued(): void
  /** Stops everything in order and writes the state file. */
  stop(): Promise<void>
}

/** Starts watching. Rejects if another agent uses the state file, or, in a terminal, if the port is in use. */
export async function run(options: RunOptions): Promise<Running> {
  const { loaded, build, logger, asService } = options
  const { config } = loaded
  const { log } = logger
  const startedAtMonoMs = clock.now().monoMs
  const opened = await openState({ ...options, clock, log })
  const parts = await createParts(options, opened, startedAtMonoMs)
  const { agent, source, crashParts, http, tcp, mqtt, remoteWrite, optional, control, systemd } = parts

  const stop = async () => {
    systemd.stopping()
    await waitForUnits({ source, state: agent.state, clock, log })
    tcp.stop()
    control.close()
    await agent.stop()
  }

  const clockSync = clockSyncOf(agent, source, clock)
  agent.start(source, [...crashParts.sinks(), clockSync], crashParts.evidence.atOnce)
  if (opened.identityProblems.length > 0) void opened.store.flush() // another change of identity would be reported again
  clockSync.start()
  try {
    await http.serveSocket(config.socket).catch((error: Error) => {
      log('warning', `${error.message}; local commands such as 'gatewatch status' will not work`)
    })
    await tcp.listen(tcpSettings(config), !asService)
    await mqtt.use(config.mqtt)
    await remoteWrite.use()
    await optional.use()
  } catch (error) {
    await stop()
    throw error
  }
  const named = config.monitored_services.filter((unit) => !isPattern(unit)).length
  const url = metricsUrl(tcp)
  log('info', `gatewatch ${build.version} watches ${plural(named, 'unit')}${url === null ? '' : `, metrics at ${url}`}`)
  void source.firstAttempt().then(systemd.ready)
  const continued = () => {
    log('info', 'process continues after it was stopped (SIGCONT); re-reading all units')
    source.suspectGap()
  }
  return {
    reload: createReload({ ...parts, store: opened.store, logger, clock }),
    continued,
    stop,
    metricsUrl: url,
  }
}

/** Creates every part, each after those that it uses. Nothing runs yet. */
async function createParts(options: RunOptions, opened: OpenedState, startedAtMonoMs: number) {
  const { loaded, build, logger, env, uid } = options
  const { log } = logger
  const { state, store, identity, ids, bootId } = opened
  const configuration = createConfiguration(loaded, startedAtMonoMs)
  const config = configuration.now
  const startedAtMs = () => clock.wallMsOf(startedAtMonoMs)
  const statsEveryMs = () => config().stats_interval * 1000

  const agent = createAgent({ state, bootId, identity: ids, store, clock, log })
  const lag = createLoopLag(clock)
  const noteLate = (lateMs: number) => {
    lag.note(lateMs)
    agent.lookAtClock()
  }
  const { source, missingEvidence } = createUnitSource({ loaded, state: agent.state, bootId, noteLate, clock, log })
  const control = createAgentControl(config, agent, { clock, log, env, uid, user: loaded.paths.user })

  const eventSinks: EventSink[] = []
  const usage = createUsageReader(source, opened.path, clock)
  const crashParts = await createCrashParts({ ...options, ...opened, agent, source, usage, sinks: eventSinks, clock })
  const mqtt: MqttSwitch = createMqttSwitch({
    enabled: () => config().mqtt.enabled,
    history: crashParts.delivered,
    identity,
    version: build.version,
    startedAtMs,
    store,
    state: agent.state,
    bus: source.health,
    commands: control.commands,
    pageUrl: () => pageUrl(inputs.tcp, config().http.allowed_hosts, hostname()),
    statsEveryMs,
    clock,
    log,
  })
  const { gatewayId } = identity
  const remoteWrite = createRemoteWriteSwitch({ config, agent, gatewayId, version: build.version, clock, log })
  const { history } = crashParts
  const http = createServer({ identity: () => identity, history, followAll: source.followAll }, configuration, log)
  const eventsFile = eventsFileOf(options, configuration, identity)
  const inputs: StatusInputs = {
    build,
    identity,
    startedAtMs,
    stateFile: opened,
    missingEvidence: () => [...missingEvidence(), ...crashParts.notes()],
    identityProblems: opened.identityProblems,
    clock,
    lag,
    source,
    store,
    agent,
    configuration,
    tcp: createTcpListener(http, clock, log),
    mqtt,
    remoteWrite,
    http,
    usage,
    logFiles: logFilesOf(loaded.config, logger, eventsFile),
    health: createHealth(clock),
  }
  healthChecks(inputs) // `since` of what does not change is the start
  const metrics = createMetrics((withUsage) => scrapeFacts(inputs, withUsage), clock)
  remoteWrite.pushFrom(metrics.select)
  http.serve(createHttpViews({ inputs, metrics, control, history, log }))

  const status = () => statusLine(agent.state(), reportLines(healthChecks(inputs).filter(({ healthy }) => !healthy)))
  const systemd = createService({ env, pid: process.pid, status, bus: source, clock, log })
  const optional = createOptionalSinks({ config, metrics, gatewayId, env, uid, clock, log })
  const logSink = createLogSink(logger, { identity: () => identity, clock, statsEveryMs })
  eventSinks.push(logSink, http, mqtt, remoteWrite, systemd)
  if (eventsFile !== null) eventSinks.push(eventsFile)
  eventSinks.push(optional)
  return {
    configuration,
    agent,
    source,
    control,
    crashParts,
    http,
    tcp: inputs.tcp,
    mqtt,
    remoteWrite,
    optional,
    systemd,
    eventsFile,
  }
}

/** HTTP without its views and listeners. */
function createServer(stream: StreamViews, { now: config }: Configuration, log: Log) {
  const allowedHosts = () => config().http.allowed_hosts
  return createHttp({ stream, clock, log, hostname, allowedHosts, optimized })
}

/** The log file and the events file, as configured at the start. */
function logFilesOf({ log_file, events_file }: Config, logger: Logger, eventsFile: EventsFile | null): LogFile[] {
  return [
    ...(log_file === null ? [] : [{ ...logger, path: log_file }]),
    ...(events_file === null || eventsFile === null ? [] : [{ ...eventsFile, path: events_file }]),
  ]
}

/** Null if none is configured. */
function eventsFileOf(options: RunOptions, { now: config }: Configuration, identity: Identity): EventsFile | null {
  const path = config().events_file
  if (path === null) return null
  const advice = adviceFor('events_file', path, options)
  const limits = () => ({ maxBytes: config().events_max_bytes, backups: config().events_backup_count })
  return openEventsFile({ path, limits, identity: () => identity, advice, log: options.logger.log })
}
