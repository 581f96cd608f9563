// A gateway for tests of the MQTT sink: units start and crash through the real `step`; its clock may run faster.
import type { Event } from '../../src/core/event.ts'
import type { Instant, Observation } from '../../src/core/observation.ts'
import { newState, type State, unitOf } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { createMqttSink, type MqttConfig, type MqttOptions, type MqttSink } from '../../src/mqtt/sink.ts'
import type { BusHealth, Clock, StoreHealth, UnitCommands } from '../../src/ports.ts'
import { IDLE, SETTINGS } from '../core/step-driver.ts'

export const STREAM = '00112233aabbccdd'
export const IDENTITY = { gatewayId: 'gw-7', machineId: '0123456789abcdef0123456789abcdef', stream: STREAM }

/** Real time, with timers that run `speed` times as fast. */
export function clockOf(speed: number): Clock {
  return {
    now: () => ({ monoMs: performance.now() * speed, wallMs: Date.now() }),
    wallMsOf: (monoMs) => Date.now() + monoMs - performance.now() * speed,
    after(ms, call) {
      const timer = setTimeout(call, ms / speed)
      return () => clearTimeout(timer)
    },
  }
}

export const FLASH: StoreHealth = {
  delaySeconds: 60,
  path: 'state.ring',
  problem: null,
  note: null,
  commits: 3,
  bytesWritten: 12_288,
  errors: { EIO: 0, ENOSPC: 0, EROFS: 0, other: 0 },
  lastCommitMs: 1_700_000_000_000,
  commitSeconds: { bounds: [], counts: [], sum: 0, count: 0 },
}

export const BUS_CONNECTED: BusHealth = {
  connected: true,
  lostAtMonoMs: null,
  problem: null,
  signals: 0,
  reconnects: 0,
  malformed: 0,
  unwatchable: [],
  callSeconds: {},
  callsFailed: {},
}

/** For tests without commands. */
const NO_COMMANDS: UnitCommands = {
  run: () => Promise.reject(new Error('commands are not part of this test')),
  refusal: () => 'commands are not part of this test',
}

export interface GatewayOptions extends Partial<Omit<MqttOptions, 'config'>> {
  readonly config: Partial<MqttConfig> & { readonly url: string }
  readonly units?: readonly string[]
  readonly from?: State
  readonly speed?: number
}

export interface Gateway extends AsyncDisposable {
  readonly sink: MqttSink
  readonly logged: readonly string[]
  readonly acknowledged: readonly number[]
  /** All events so far, as the store would keep them. */
  readonly events: readonly Event[]
  state(): State
  now(): Instant
  observe(observation: Observation): void
  watch(...units: string[]): void
  start(unit: string): void
  crash(unit: string): void
  /** Starts the unit and lets it crash, `times` times. */
  fail(unit: string, times: number): void
  stop(): Promise<void>
}

/** The defaults, with changes. */
export function mqttConfig(config: Partial<MqttConfig> & { readonly url: string }): MqttConfig {
  return {
    client_id: null,
    username: null,
    password_file: null,
    ca_file: null,
    cert_file: null,
    key_file: null,
    prefix: 'gatewatch',
    qos: 1,
    keepalive: 30,
    settle: 3,
    max_message_bytes: null,
    homeassistant: false,
    discovery_prefix: 'homeassistant',
    link_topic: null,
    thinedge: false,
    commands: false,
    ...config,
  }
}

export function startGateway(options: GatewayOptions): Gateway {
  const clock = options.clock ?? clockOf(options.speed ?? 20)
  const logged: string[] = []
  const acknowledged: number[] = []
  const events: Event[] = [...(options.history ?? [])]
  let state = options.from ?? newState(STREAM)
  let runs = 0
  let connections = 0

  const sink = createMqttSink({
    identity: IDENTITY,
    version: '0.1.0',
    startedAtMs: () => 1_700_000_000_000,
    history: [],
    acknowledged: null,
    onAcknowledged: (seq) => void acknowledged.push(seq),
    onConnected: () => ++connections === 1,
    former: [],
    formerSettled: () => {},
    state: () => state,
    flash: () => FLASH,
    bus: () => BUS_CONNECTED,
    commands: NO_COMMANDS,
    pageUrl: () => null,
    onBrokerCrash: () => {},
    statsEveryMs: () => 60_000,
    clock,
    log: (level, message) => void logged.push(`${level}: ${message}`),
    random: Math.random,
    ...options,
    config: mqttConfig(options.config),
  })

  function observe(observation: Observation): void {
    const before = state
    const stepped = step(before, observation)
    state = stepped.state
    events.push(...stepped.events)
    if (state !== before) sink.accept({ before, after: state, events: stepped.events, at: observation.at })
  }

  const now = () => ({ monoMs: performance.now(), wallMs: Date.now() })
  const watch = (...units: string[]) => {
    observe({ kind: 'watch', at: now(), units, patterns: [] })
    for (const unit of units) {
      if (unitOf(state, unit)?.snapshot == null)
        observe({ kind: 'read', at: now(), unit, snapshot: IDLE, settings: SETTINGS })
    }
  }
  observe({ kind: 'boot', at: now(), bootId: 'boot-1' })
  if (options.units) watch(...options.units)

  function start(unit: string): void {
    runs += 1
    const snapshot = { ...IDLE, activeState: 'active', subState: 'running', changedAtMonoMs: now().monoMs }
    observe({
      kind: 'signal',
      at: now(),
      unit,
      snapshot: { ...snapshot, invocationId: runs.toString(16).padStart(32, '0') },
    })
  }
  function crash(unit: string): void {
    const cause = { result: 'signal', mainCode: 2, mainStatus: 9, changedAtMonoMs: now().monoMs }
    const snapshot = { ...IDLE, ...cause, activeState: 'failed', subState: 'failed' }
    observe({
      kind: 'signal',
      at: now(),
      unit,
      snapshot: { ...snapshot, invocationId: runs.toString(16).padStart(32, '0') },
    })
  }

  return {
    sink,
    logged,
    acknowledged,
    events,
    state: () => state,
    now,
    observe,
    watch,
    start,
    crash,
    fail(unit, times) {
      for (let i = 0; i < times; i++) {
        start(unit)
        crash(unit)
      }
    },
    stop: () => sink.stop(),
    [Symbol.asyncDispose]: () => sink.stop(),
  }
}
