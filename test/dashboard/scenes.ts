// Gateways to look at: twelve units with a day behind them, in the states that a technician meets.
import type { Event } from '../../src/core/event.ts'
import { newState, withUnits } from '../../src/core/state.ts'
import { type Counters, newUnit, type Unit, ZERO } from '../../src/core/unit.ts'
import { gateway, IDENTITY, STREAM } from '../http/served.ts'

const NAMES = [
  'wirepas-gateway.service',
  'wirepas-sink-ttys1.service',
  'wirepas-sink-ttys2.service',
  'edger.connecteddev.service',
  'edger.endries.service',
  'devmgmt.service',
  'hwcheck.timer',
  'provisioning.service',
  'Node-Configuration.service',
  'setup_cell_connect.service',
  'mosquitto.service',
  'wps_button_monitor.service',
]

const SYSTEM = {
  ...{ state: 'running', systemd_version: '252', failed_units: 0, jobs: 0, failed: [], queue: [], boot_seconds: {} },
  host: {
    ...{ memory_used_ratio: 0.41, cpu_used_ratio: 0.07 },
    disks: [
      { path: '/', used_ratio: 0.62 },
      { path: '/var', used_ratio: 0.93 },
    ],
    flash: [{ device: 'mmcblk0', life_used_ratio: 0.1 }],
  },
}

type Deed = 'start' | 'restart' | 'stop' | 'crash' | 'lost' | 'gave_up' | 'flapping'

/** What befell a unit, how many minutes ago. */
export type Life = readonly (readonly [minutesAgo: number, deed: Deed])[]

export interface Scene {
  readonly lives: Readonly<Record<string, Life>>
  readonly notReady: readonly string[]
  readonly mqttConnected: boolean
}

const RUNS_FOR_DAYS: Life = [[4_000, 'start']]
const QUIET: Record<string, Life> = {
  ...Object.fromEntries(NAMES.map((name) => [name, RUNS_FOR_DAYS])),
  'edger.endries.service': [
    [4_000, 'start'],
    [610, 'stop'],
    [560, 'start'],
  ],
  'setup_cell_connect.service': [
    [1_300, 'start'],
    [1_296, 'stop'],
  ],
  'provisioning.service': [],
}
const LOOPS: Life = Array.from({ length: 14 }, (_, i) => [
  [30 - 2 * i, 'crash'],
  [29.9 - 2 * i, 'restart'],
]).flat() as unknown as Life

export const SCENES: Readonly<Record<string, Scene>> = {
  'all-well': { lives: QUIET, notReady: [], mqttConnected: true },
  'one-crashed': {
    lives: {
      ...QUIET,
      'devmgmt.service': [
        [4_000, 'start'],
        [700, 'crash'],
        [699, 'restart'],
        [12, 'crash'],
        [12, 'gave_up'],
      ],
    },
    notReady: [],
    mqttConnected: true,
  },
  flapping: {
    lives: { ...QUIET, 'mosquitto.service': [[4_000, 'start'], ...LOOPS, [1, 'flapping']] },
    notReady: [],
    mqttConnected: false,
  },
  'agent-unhealthy': {
    lives: {
      ...QUIET,
      'wirepas-sink-ttys2.service': [
        [4_000, 'start'],
        [300, 'lost'],
      ],
    },
    notReady: [
      'bus: connect to unix:path=/run/dbus/system_bus_socket: ECONNREFUSED',
      'state file: /var/lib/gatewatch/state.ring: EROFS: read-only file system',
    ],
    mqttConnected: false,
  },
}

/** The scene as something that HTTP can show, its times relative to `nowMs`. */
export function staged(scene: Scene, nowMs: number) {
  const happened = Object.entries(scene.lives)
    .flatMap(([unit, life]) => life.map(([ago, deed]) => ({ unit, deed, atMs: nowMs - ago * 60_000 })))
    .sort((a, b) => a.atMs - b.atMs)
  const counters = new Map<string, Counters>()
  const events = happened.map(({ unit, deed, atMs }, i): Event => {
    const now = counted(counters.get(unit) ?? ZERO, deed)
    counters.set(unit, now)
    return event(i + 1, unit, deed, atMs, now)
  })
  const it = gateway(events)
  const units = Object.keys(scene.lives).map((name) => unitAfter(name, events))
  it.state = { ...withUnits(newState(STREAM), units), seq: events.length }
  it.notReady = [...scene.notReady]
  const bus = scene.notReady.find((reason) => reason.startsWith('bus')) ?? null
  const file = scene.notReady.find((reason) => reason.startsWith('state file')) ?? null
  const status = {
    version: '0.1.0',
    gateway_id: IDENTITY.gatewayId,
    started_at: new Date(nowMs - 3.2 * 86_400_000).toISOString(),
    bus: { connected: bus === null, problem: bus },
    state: {
      path: '/var/lib/gatewatch/state.ring',
      problem: file,
      volatile: false,
      last_commit: new Date(nowMs - 40_000).toISOString(),
    },
    mqtt: { connected: scene.mqttConnected, problem: null, queued: scene.mqttConnected ? 0 : 31 },
    not_ready: scene.notReady,
  }
  return Object.assign(it, { views: { ...it.views, status: () => status, system: async () => SYSTEM } })
}

function counted(before: Counters, deed: Deed): Counters {
  if (deed === 'start') return { ...before, starts: before.starts + 1 }
  if (deed === 'restart') return { ...before, starts: before.starts + 1, restarts: before.restarts + 1 }
  if (deed === 'stop') return { ...before, stops: before.stops + 1 }
  if (deed === 'crash') return { ...before, crashes: before.crashes + 1 }
  return deed === 'lost' ? { ...before, lost: before.lost + 1 } : before
}

const KILLED = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }

function event(seq: number, unit: string, deed: Deed, atMs: number, counters: Counters): Event {
  const told = { seq, unit, atMs, bootId: 'b00710', source: 'signal', clockSynced: true, counters } as const
  const invocationId = '0123456789abcdef0123456789abcdef'
  const change = { fromState: 'active', toState: 'failed', subState: 'failed' }
  switch (deed) {
    case 'start':
    case 'restart':
      return { ...told, kind: deed, fromState: 'inactive', toState: 'active', subState: 'running', invocationId }
    case 'stop':
      return { ...told, ...change, ...KILLED, result: 'success', kind: deed, invocationId, requested: true }
    case 'crash':
      return { ...told, ...change, ...KILLED, kind: deed, invocationId, requested: false, willRestart: true }
    case 'lost':
      return { ...told, kind: deed, invocationId }
    case 'gave_up':
      return { ...told, ...change, kind: deed, result: 'start-limit-hit' }
    case 'flapping':
      return { ...told, kind: deed, flapping: true, crashesInWindow: 5, windowSeconds: 300 }
  }
}

function unitAfter(name: string, events: readonly Event[]): Unit {
  const own = events.filter((e) => e.unit === name)
  const last = own.filter((e) => e.kind !== 'flapping' && e.kind !== 'gave_up').at(-1)
  const crash = own.filter((e) => e.kind === 'crash').at(-1)
  const runs = last?.kind === 'start' || last?.kind === 'restart'
  const state = last?.kind === 'crash' ? 'failed' : runs ? 'active' : 'inactive'
  return {
    ...newUnit(name),
    settings: {
      loadState: last === undefined ? 'not-found' : 'loaded',
      restart: 'on-failure',
      enabled: false,
      restartForced: false,
      restartPrevented: false,
    },
    snapshot: {
      activeState: state,
      subState: { failed: 'failed', active: 'running', inactive: 'dead' }[state] ?? '',
      invocationId: null,
      job: 0,
      result: 'success',
      mainCode: 0,
      mainStatus: 0,
      nRestarts: 0,
      changedAtMonoMs: 1,
    },
    counters: last?.counters ?? ZERO,
    lastCrash: crash === undefined ? null : { cause: KILLED, requested: false, atMs: crash.atMs },
    changedAtMs: last?.atMs ?? null,
    flapping: own.some((e) => e.kind === 'flapping'),
    gaveUp: own.at(-1)?.kind === 'gave_up',
  }
}
