// Scenes for the dashboard: twelve units with a day of events, in the states that a technician may find.
import type { Event } from '../../src/core/event.ts'
import { CHECK_NAMES, type CheckName } from '../../src/core/health.ts'
import { newState, withUnits } from '../../src/core/state.ts'
import { type Counters, newUnit, type Unit, ZERO } from '../../src/core/unit.ts'
import { checkJson } from '../../src/core/views/api-json.ts'
import { checkOf, gateway, IDENTITY, STREAM } from '../http/fake-gateway.ts'

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

const CHECKS = CHECK_NAMES.filter((name) => name !== 'internal' && name !== 'remote_write')

const SYSTEM = {
  state: 'running',
  systemd_version: '252',
  failed_units: 0,
  jobs: 0,
  failed: [],
  queue: [],
  boot_seconds: {},
  host: {
    memory_used_ratio: 0.41,
    cpu_used_ratio: 0.07,
    disks: [
      { path: '/', used_ratio: 0.62 },
      { path: '/var', used_ratio: 0.93 },
    ],
    flash: [{ device: 'mmcblk0', life_used_ratio: 0.1 }],
  },
}

type EventKind = 'start' | 'restart' | 'stop' | 'crash' | 'lost' | 'gave_up' | 'flapping'

/** The events of a unit, with their age in minutes. */
export type History = readonly (readonly [minutesAgo: number, kind: EventKind])[]

export interface Scene {
  readonly histories: Readonly<Record<string, History>>
  readonly problems: Partial<Readonly<Record<CheckName, string>>>
}

const RUNS_FOR_DAYS: History = [[4_000, 'start']]
const QUIET: Record<string, History> = {
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
  'provisioning.service': [
    [3_999, 'start'],
    [3_998, 'stop'],
  ],
}
const LOOPS: History = Array.from({ length: 14 }, (_, i) => [
  [30 - 2 * i, 'crash'],
  [29.9 - 2 * i, 'restart'],
]).flat() as unknown as History

export const SCENES: Readonly<Record<string, Scene>> = {
  'all-ok': { histories: QUIET, problems: {} },
  'one-crashed': {
    histories: {
      ...QUIET,
      'devmgmt.service': [
        [4_000, 'start'],
        [700, 'crash'],
        [699, 'restart'],
        [12, 'crash'],
        [12, 'gave_up'],
      ],
    },
    problems: {},
  },
  flapping: {
    histories: { ...QUIET, 'mosquitto.service': [[4_000, 'start'], ...LOOPS, [1, 'flapping']] },
    problems: { mqtt: 'connect ECONNREFUSED' },
  },
  'not-found': { histories: { ...QUIET, 'provisioning.service': [] }, problems: { clock: 'not synchronised' } },
  degraded: { histories: QUIET, problems: { units: 'x@9.service: not watched: the limit of 12 units is reached' } },
  'agent-unhealthy': {
    histories: {
      ...QUIET,
      'wirepas-sink-ttys2.service': [
        [4_000, 'start'],
        [300, 'lost'],
      ],
    },
    problems: {
      bus: 'connect to unix:path=/run/dbus/system_bus_socket: ECONNREFUSED',
      state_file: '/var/lib/gatewatch/state.ring: EROFS: read-only file system',
      mqtt: 'connect ECONNREFUSED',
    },
  },
}

/** The scene as a fake gateway, with its times relative to `nowMs`. */
export function stage(scene: Scene, nowMs: number) {
  const timed = Object.entries(scene.histories)
    .flatMap(([unit, history]) => history.map(([ago, kind]) => ({ unit, kind, atMs: nowMs - ago * 60_000 })))
    .sort((a, b) => a.atMs - b.atMs)
  const counters = new Map<string, Counters>()
  const events = timed.map(({ unit, kind, atMs }, i): Event => {
    const now = counted(counters.get(unit) ?? ZERO, kind)
    counters.set(unit, now)
    return event(i + 1, unit, kind, atMs, now)
  })
  const it = gateway(events)
  const units = Object.keys(scene.histories).map((name) => unitAfter(name, events))
  it.state = { ...withUnits(newState(STREAM), units), seq: events.length }
  it.checks = CHECKS.map((name) => checkOf(name, scene.problems[name]))
  const { bus = null, state_file: file = null, mqtt = null } = scene.problems
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
    mqtt: { connected: mqtt === null, problem: mqtt, queued: mqtt === null ? 0 : 31 },
    checks: it.checks.map(checkJson),
    not_ready: [],
  }
  return Object.assign(it, { views: { ...it.views, status: () => status, system: async () => SYSTEM } })
}

function counted(before: Counters, kind: EventKind): Counters {
  if (kind === 'start') return { ...before, starts: before.starts + 1 }
  if (kind === 'restart') return { ...before, starts: before.starts + 1, restarts: before.restarts + 1 }
  if (kind === 'stop') return { ...before, stops: before.stops + 1 }
  if (kind === 'crash') return { ...before, crashes: before.crashes + 1 }
  return kind === 'lost' ? { ...before, lost: before.lost + 1 } : before
}

const KILLED = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }

function event(seq: number, unit: string, kind: EventKind, atMs: number, counters: Counters): Event {
  const base = { seq, unit, atMs, bootId: 'b00710', source: 'signal', clockSynced: true, counters } as const
  const invocationId = '0123456789abcdef0123456789abcdef'
  const change = { fromState: 'active', toState: 'failed', subState: 'failed' }
  switch (kind) {
    case 'start':
    case 'restart':
      return { ...base, kind, fromState: 'inactive', toState: 'active', subState: 'running', invocationId }
    case 'stop':
      return { ...base, ...change, ...KILLED, result: 'success', kind, invocationId, requested: true }
    case 'crash':
      return { ...base, ...change, ...KILLED, kind, invocationId, requested: false, willRestart: true }
    case 'lost':
      return { ...base, kind, invocationId }
    case 'gave_up':
      return { ...base, ...change, kind, result: 'start-limit-hit' }
    case 'flapping':
      return { ...base, kind, flapping: true, crashesInWindow: 5, windowSeconds: 300 }
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
      wasActive: true,
      startedBy: [],
    },
    snapshot: {
      activeState: state,
      subState: { failed: 'failed', active: 'running', inactive: 'dead' }[state] ?? '',
      invocationId: null,
      job: 0,
      result: 'success',
      mainCode: 0,
      mainStatus: 0,
      mainPid: 0,
      nRestarts: 0,
      changedAtMonoMs: 1,
      frozen: false,
    },
    counters: last?.counters ?? ZERO,
    lastCrash: crash === undefined ? null : { cause: KILLED, requested: false, thisBoot: true, atMs: crash.atMs },
    changedAtMs: last?.atMs ?? null,
    flapping: own.some((e) => e.kind === 'flapping'),
    gaveUp: own.at(-1)?.kind === 'gave_up',
  }
}
