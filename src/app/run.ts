// Wires one run of the agent out of the parts, and takes over a new configuration while it goes on.

import { hostname } from 'node:os'
import { type Agent, startAgent } from '../agent.ts'
import type { Build } from '../cli/commands/version.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Identity } from '../core/api-json.ts'
import { isPattern } from '../core/glob.ts'
import type { Policy, State } from '../core/state.ts'
import { systemClock as clock } from '../host/clock.ts'
import { gatewayId, readBootId, readMachineId } from '../host/identity.ts'
import { createLoopLag } from '../host/loop-lag.ts'
import { runtimeDirectory } from '../host/runtime-directory.ts'
import { createHttp } from '../http/http.ts'
import { createLogSink } from '../log/event-sink.ts'
import { openEventsFile } from '../log/events-file.ts'
import type { Logger } from '../log/log.ts'
import { createMetrics } from '../metrics/metrics.ts'
import type { MqttSink } from '../mqtt/options.ts'
import type { Env, EventSink } from '../ports.ts'
import { createService } from '../service/service.ts'
import { statusLine } from '../service/status-line.ts'
import { isVolatile, mountOfPath } from '../store/file/mounts.ts'
import { sideWritesAt } from '../store/file/write-amplification.ts'
import { openStore } from '../store/open.ts'
import { unitsDown } from './drain.ts'
import { baselinesFrom, freshState, stateFor } from './offline-state.ts'
import { moreSinks } from './optional-sinks.ts'
import { usageReader } from './resource-usage.ts'
import { type Configured, notReady, type Parts, scrapeFacts, status, system } from './status.ts'
import { type Listening, listening, metricsAt, wantedOf } from './tcp-listener.ts'
import { agentCommands } from './unit-control.ts'
import { unitSource } from './unit-source.ts'

export interface RunGiven {
  readonly loaded: LoadedConfig
  readonly build: Build
  readonly logger: Logger
  readonly env: Env
  readonly uid: number
  readonly asService: boolean
}

export interface Running {
  /** Takes over another configuration, or keeps the one in force where that one has problems, and shows it. */
  reload(loaded: LoadedConfig): Promise<void>
  /** Stops everything in order and flushes. */
  stop(): Promise<void>
}

type Config = LoadedConfig['config']
/** What can only be taken over by a start. */
const AT_START = ['persistence_file', 'gateway_id', 'max_units', 'resync_interval', 'socket', 'bus'] as const
const AT_START_TOO = ['log_file', 'events_file', 'crash_log_lines'] as const

/** Starts watching. Rejects where another agent has the state file, or, in a terminal, where the port is taken. */
export async function run({ loaded, build, logger, env, uid, asService }: RunGiven): Promise<Running> {
  const { config, paths } = loaded
  const { log } = logger
  const startedAtMs = clock.now().wallMs
  const takenMs = loaded.problems.length === 0 ? startedAtMs : null
  let configured: Configured = { loaded, takenMs, refused: [] }
  const now = (): Config => configured.loaded.config

  const machineId = readMachineId()
  const bootId = readBootId()
  const file = stateFor(config.persistence_file)
  const opened = await openStore({
    path: file.path,
    runtimeDir: runtimeDirectory(env, uid),
    clock,
    log,
    flushIntervalMs: config.flush_interval * 1000,
    bootId,
    fresh: freshState,
    sideWrites: sideWritesAt(file.path),
  })
  const { store } = opened
  const name = gatewayId(config.gateway_id, opened.state.gatewayId, machineId, paths.user ? uid : null)
  const state: State = { ...opened.state, gatewayId: name, policy: policyOf(config) }
  const identity: Identity = { gatewayId: name, machineId: machineId ?? 'unknown', stream: state.stream }
  const stateVolatile = isVolatile(mountOfPath(file.path))
  if (stateVolatile) log('warning', `${file.path} is on a file system in memory: the counters end with the power`)

  const source = unitSource({ loaded, before: state, now: () => agent.state(), bootId, clock, log })

  let atStart = state
  const statsEveryMs = () => now().stats_interval * 1000
  const parts: Parts = {
    ...{ build, identity, startedAtMs, stateVolatile, clock, source, store },
    lag: createLoopLag(clock),
    agent: () => agent,
    atStart: () => atStart,
    configured: () => configured,
    listening: () => tcp,
    mqtt: () => mqtt.health(),
    http: () => http.health(),
    usage: usageReader(source, file.path, clock),
  }
  const commands = agentCommands(now, parts.agent, { clock, log, env, uid, user: paths.user })
  const metrics = createMetrics(() => scrapeFacts(parts))
  const flushed = async () => {
    if (!(await store.flush())) throw new Error(`not on flash yet: ${store.health().problem ?? 'write failed'}`)
  }
  const http = createHttp({
    views: {
      live: () => agent.state(),
      identity: () => identity,
      history: () => crashes?.withLines(store.history()) ?? store.history(),
      readiness: () => ({ problems: notReady(parts), warnings: [] }),
      status: () => status(parts),
      system: () => system(parts),
      metrics: metrics.scrape,
      federate: metrics.federate,
      control: { commands, rules: () => now().control },
      async clear() {
        agent.observe({ kind: 'clear', at: clock.now() })
        atStart = agent.state()
        log('info', 'counters cleared by an operator')
        await flushed()
      },
      async import(baselines) {
        agent.observe({ kind: 'import', at: clock.now(), baselines })
        log('info', `baselines of ${baselines.size} units imported`)
        await flushed()
      },
    },
    clock,
    log,
    hostname: hostname(),
    allowedHosts: () => now().http.allowed_hosts,
  })
  const tcp: Listening = listening(http, clock, log)

  const mqtt = switchable(async (wanted: Config['mqtt']): Promise<MqttSink> => {
    const { createMqttSink } = await import('../mqtt/sink.ts')
    return createMqttSink({
      config: wanted,
      identity,
      version: build.version,
      startedAtMs,
      history: crashes?.delivered(store.history()) ?? store.history(),
      acknowledged: store.acknowledged(),
      onAcknowledged: (seq) => store.acknowledge(seq),
      onBrokerCrash: () => void store.commitForReader(),
      state: () => agent.state(),
      flash: () => store.health(),
      commands,
      statsEveryMs,
      clock,
      log,
      random: Math.random,
    })
  })
  const line = () => statusLine(agent.state(), notReady(parts))
  const systemd = createService({ env, pid: process.pid, status: line, bus: source, clock, log })
  const sinks: EventSink[] = [
    createLogSink(logger, { identity: () => identity, clock, statsEveryMs }),
    http,
    mqtt,
    systemd,
  ]
  const eventsLimits = () => ({ maxBytes: now().events_max_bytes, backups: now().events_backup_count })
  if (config.events_file !== null)
    sinks.push(openEventsFile({ path: config.events_file, limits: eventsLimits, identity: () => identity, log }))
  const more = moreSinks({ config: now, metrics, gatewayId: name, env, uid, clock, log })
  sinks.push(more)
  // Nobody is owed what happened while MQTT is off: it begins with what comes after it is switched on.
  sinks.push({
    accept: ({ after }) => (now().mqtt.enabled ? undefined : store.acknowledge(after.seq)),
    stop: async () => {},
  })

  const lines = config.crash_log_lines
  const crashes =
    lines > 0 ? (await import('../journal/crash-log-sink.ts')).createCrashLogSink({ lines, sinks, clock, log }) : null
  const agent: Agent = startAgent({ state, bootId, store, source, sinks: crashes ? [crashes] : sinks, clock, log })
  if (file.legacy !== null && opened.recovered === 'fresh')
    agent.observe({ kind: 'import', at: clock.now(), baselines: baselinesFrom(file.legacy, log) })

  const stop = async () => {
    systemd.stopping()
    await unitsDown({ source, state: agent.state, clock, log })
    tcp.stop()
    commands.close()
    await agent.stop()
  }
  try {
    await http.serveSocket(config.socket).catch((error: Error) => {
      log('warning', `${error.message}: the commands of this device will not reach the agent`)
    })
    await tcp.on(wantedOf(config), !asService)
    await mqtt.use(config.mqtt)
    await more.use()
  } catch (error) {
    await stop()
    throw error
  }
  const units = config.monitored_services.filter((unit) => !isPattern(unit)).length
  log('info', `gatewatch ${build.version} watches ${units} units${metricsAt(tcp)}`)
  void source.firstAttempt().then(systemd.ready)

  const takeOver = async (next: LoadedConfig) => {
    const problems = next.problems.map((problem) => problem.text)
    if (problems.length > 0) {
      configured = { ...configured, refused: problems }
      for (const problem of problems) log('error', `reload: the old configuration stays: ${problem}`)
      return
    }
    const before = now()
    for (const key of [...AT_START, ...AT_START_TOO])
      if (next.config[key] !== before[key]) log('warning', `reload: ${key} changes with the next start only`)
    configured = { loaded: next, takenMs: clock.now().wallMs, refused: [] }
    logger.configure(next.config)
    agent.observe({ kind: 'policy', at: clock.now(), policy: policyOf(next.config) })
    store.flushEvery(next.config.flush_interval * 1000)
    source.watch(next.config.monitored_services)
    await tcp.on(wantedOf(next.config), false)
    await mqtt.use(next.config.mqtt)
    await more.use()
    log('info', 'reload: configuration taken over')
  }
  const reload = async (next: LoadedConfig) => {
    systemd.reloading()
    await takeOver(next).finally(systemd.ready)
  }
  return { reload, stop }
}

function policyOf({ flap }: Config): Policy {
  return { flapCount: flap.count, flapWindowMs: flap.window * 1000 }
}

/** MQTT as the configuration has it now: another broker, or none, from one reload to the next. */
function switchable(make: (wanted: Config['mqtt']) => Promise<MqttSink>) {
  let sink: MqttSink | null = null
  let used = ''
  return {
    async use(wanted: Config['mqtt']) {
      if (JSON.stringify(wanted) === used) return
      used = JSON.stringify(wanted)
      const old = sink
      sink = null
      await old?.stop()
      if (wanted.enabled) sink = await make(wanted)
    },
    health: () => sink?.health() ?? null,
    accept: (step: Parameters<EventSink['accept']>[0]) => sink?.accept(step),
    stop: async () => sink?.stop(),
  }
}
