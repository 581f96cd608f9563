// Wires one run of the agent out of the parts, and lets it go on over what may fail while it runs.
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { startAgent } from './agent.ts'
import type { Loaded } from './cli/load.ts'
import type { Build } from './cli/version.ts'
import { isPattern } from './core/glob.ts'
import type { Identity } from './core/json.ts'
import type { State } from './core/state.ts'
import { systemClock as clock } from './host/clock.ts'
import { gatewayId, readBootId, readMachineId } from './host/identity.ts'
import { loopLag } from './host/loop-lag.ts'
import { runtimeDirectory } from './host/places.ts'
import { createHttp, type Served } from './http/http.ts'
import { eventsFile, type Logger, logSink } from './log/log.ts'
import { createMetrics } from './metrics/metrics.ts'
import type { EventSink } from './ports.ts'
import { baselinesFrom, freshState, stateFor } from './state-file.ts'
import { isVolatile } from './store/mounts.ts'
import { openStore } from './store/open.ts'
import { systemdSource } from './systemd/source.ts'

export interface RunGiven {
  readonly loaded: Loaded
  readonly build: Build
  readonly logger: Logger
  readonly env: Readonly<Record<string, string | undefined>>
  readonly uid: number
  readonly asService: boolean
}

export interface Running {
  /** `0.0.0.0:9100`; null while nothing listens on TCP. */
  address(): string | null
  /** Stops everything in order and flushes. */
  stop(): Promise<void>
}

const LISTEN_AGAIN_AFTER_MS = 30_000
/** systemd's mark that the clock was synchronised (systemd-timesyncd.service(8)). */
const CLOCK_MARK = '/run/systemd/timesync/synchronized'
/** Above this the event loop is not well: signals would wait. */
const LAG_SECONDS = 1

/** Starts watching. Rejects where another agent has the state file, or, in a terminal, where the port is taken. */
export async function run({ loaded, build, logger, env, uid, asService }: RunGiven): Promise<Running> {
  const { config, home } = loaded
  const { log } = logger
  const startedAtMs = clock.now().wallMs
  const machineId = readMachineId()
  const bootId = readBootId()
  const policy = { flapCount: config.flap.count, flapWindowMs: config.flap.window * 1000 }

  const file = stateFor(config.persistence_file)
  const opened = await openStore({
    path: file.path,
    runtimeDir: runtimeDirectory(env, uid),
    clock,
    log,
    flushIntervalMs: config.flush_interval * 1000,
    bootId,
    fresh: freshState,
  })
  const { store } = opened
  const name = gatewayId(config.gateway_id, opened.state.gatewayId, machineId, home.user ? uid : null)
  const loadedState: State = { ...opened.state, gatewayId: name, policy }
  const identity: Identity = { gatewayId: name, machineId: machineId ?? 'unknown', stream: loadedState.stream }
  const stateVolatile = isVolatile(file.path)
  if (stateVolatile) log('warning', `${file.path} is on a file system in memory: the counters end with the power`)

  let atStart = loadedState
  const lag = loopLag(clock)
  const source = systemdSource({
    address: config.bus,
    clock,
    log,
    random: Math.random,
    patterns: config.monitored_services,
    known: loadedState.units.filter((u) => u.byPattern).map((u) => u.name),
    resyncIntervalMs: config.resync_interval * 1000,
    maxUnits: config.max_units,
    clockMark: () => existsSync(CLOCK_MARK),
  })

  const agentFacts = () => ({
    version: build.version,
    revision: build.revision,
    nodeVersion: build.node_version,
    target: build.target,
    gatewayId: identity.gatewayId,
    machineId: identity.machineId,
    configProblems: loaded.problems.length,
    lastReloadSuccessful: loaded.problems.length === 0,
    lastReloadSuccessMs: loaded.problems.length === 0 ? startedAtMs : null,
    eventLoopLagSeconds: lag.worstSeconds(),
  })
  const notReady = (): string[] => {
    const bus = source.health()
    const state = store.health()
    return [
      ...(bus.problem === null ? [] : [`bus: ${bus.problem}`]),
      ...(state.problem === null ? [] : [`state file: ${state.problem}`]),
      ...loaded.problems.map((p) => `configuration: ${p.text}`),
      ...(httpProblem === null ? [] : [`http: ${httpProblem}`]),
      ...(lag.worstSeconds() > LAG_SECONDS ? [`event loop: was late by ${lag.worstSeconds().toFixed(1)} s`] : []),
      ...agent.problems(),
    ]
  }
  let httpProblem: string | null = null

  const http = createHttp({
    views: {
      live: () => agent.state(),
      identity: () => identity,
      history: () => store.history(),
      notReady,
      metrics: createMetrics(async () => {
        await lag.measure()
        await store.commitForReader()
        return {
          live: agent.state(),
          committed: store.committed(),
          atStart,
          bus: source.health(),
          store: store.health(),
          stateVolatile,
          agent: agentFacts(),
          streamClientsDropped: http.streamClientsDropped(),
          now: clock.now(),
        }
      }),
      status: () => ({
        version: build.version,
        gateway_id: identity.gatewayId,
        machine_id: identity.machineId,
        boot_id: agent.state().bootId,
        stream: identity.stream,
        started_at: new Date(startedAtMs).toISOString(),
        bus: source.health(),
        state: { ...store.health(), volatile: stateVolatile },
        not_ready: notReady(),
        listening: tcp?.address ?? null,
      }),
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
    allowedHosts: config.http.allowed_hosts,
  })

  const flushed = async () => {
    if (!(await store.flush())) throw new Error(`not on flash yet: ${store.health().problem ?? 'write failed'}`)
  }

  const sinks: EventSink[] = [
    logSink(logger, { identity: () => identity, clock, statsEveryMs: () => config.stats_interval * 1000 }),
    http,
  ]
  const { events_file, events_max_bytes, events_backup_count } = config
  if (events_file !== null)
    sinks.push(eventsFile({ events_file, events_max_bytes, events_backup_count }, () => identity, log))

  const agent = startAgent({ state: loadedState, bootId, store, source, sinks, clock, log })

  if (file.legacy !== null && opened.recovered === 'fresh')
    agent.observe({ kind: 'import', at: clock.now(), baselines: baselinesFrom(file.legacy, log) })

  let tcp: Served | null = null
  let undoRetry = () => {}
  const stop = async () => {
    undoRetry()
    await agent.stop()
  }
  const listen = async (): Promise<void> => {
    try {
      tcp = await http.serveTcp(config.listen, config.prometheus_port)
      if (httpProblem !== null) log('info', `http: listening on ${tcp.address} after all`)
      httpProblem = null
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (!asService) throw error
      if (httpProblem === null) log('error', `${message}; trying again every ${LISTEN_AGAIN_AFTER_MS / 1000} s`)
      httpProblem = message
      undoRetry = clock.after(LISTEN_AGAIN_AFTER_MS, () => void listen())
    }
  }
  try {
    await http.serveSocket(config.socket).catch((error: Error) => {
      log('warning', `${error.message}: the commands of this device will not reach the agent`)
    })
    if (config.prometheus_enabled) await listen()
  } catch (error) {
    await stop()
    throw error
  }
  const units = config.monitored_services.filter((u) => !isPattern(u)).length
  log('info', `gatewatch ${build.version} watches ${units} units${tcpText()}`)
  return { address: () => tcp?.address ?? null, stop }

  function tcpText(): string {
    return tcp === null ? '' : `, metrics at http://${tcp.address.replace(/^(0\.0\.0\.0|\[::\])/, 'localhost')}/metrics`
  }
}
