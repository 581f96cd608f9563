// Literal scrape inputs, shared by the tests of the metrics.
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { newUnit, type Settings, type Unit, type UnitSnapshot } from '../../src/core/unit.ts'
import type { ScrapeInput } from '../../src/metrics/scrape-input.ts'

/** 2026-11-20T10:15:23.412Z, one day after the gateway booted. */
export const NOW = { monoMs: 86_400_000, wallMs: 1_795_169_723_412 }

export const LOADED: Settings = {
  loadState: 'loaded',
  restart: 'on-failure',
  enabled: false,
  restartForced: false,
  restartPrevented: false,
  wasActive: true,
  startedBy: [],
}

export const RUNNING: UnitSnapshot = {
  activeState: 'active',
  subState: 'running',
  invocationId: '0123456789abcdef0123456789abcdef',
  job: 0,
  result: 'success',
  mainCode: 0,
  mainStatus: 0,
  mainPid: 0,
  nRestarts: 0,
  changedAtMonoMs: 4_000_000,
  frozen: false,
}

const OPEN = {
  id: '0123456789abcdef0123456789abcdef',
  openedAtMonoMs: 3_999_500,
  openedAtMs: 1_795_087_322_912,
  requested: false,
  badResult: null,
  startObserved: false,
  firstOfBoot: false,
  job: 7,
}

export function unit(name: string, more: Partial<Unit> = {}): Unit {
  return { ...newUnit(name), settings: LOADED, tracking: 'continuous', ...more }
}

export function runningUnit(name: string, more: Partial<Unit> = {}): Unit {
  const counters = { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 }
  return unit(name, { snapshot: RUNNING, run: OPEN, counters, changedAtMs: 1_795_087_323_412, ...more })
}

export function state(units: readonly Unit[]): State {
  return withUnits(newState('0011223344556677'), units)
}

/** The scrape input for these units, all committed, of an agent that started without a state. */
export function scrapeInput(units: readonly Unit[], more: Partial<ScrapeInput> = {}): ScrapeInput {
  return {
    live: state(units),
    committed: state(units),
    atStart: state([]),
    bus: {
      connected: true,
      lostAtMonoMs: null,
      problem: null,
      signals: 4_711,
      reconnects: 1,
      malformed: 0,
      callSeconds: {},
      callsFailed: {},
      unwatchable: [],
    },
    checks: [
      { name: 'bus', healthy: true, message: 'OK', sinceMs: 1_795_083_400_000 },
      { name: 'units', healthy: false, message: 'a: not watched', sinceMs: 1_795_083_400_000 },
    ],
    store: {
      path: '/var/lib/gatewatch/state.ring',
      problem: null,
      note: null,
      delaySeconds: 60,
      commits: 3,
      bytesWritten: 12_288,
      errors: { EIO: 1, ENOSPC: 0, EROFS: 0, other: 0 },
      lastCommitMs: 1_795_169_700_000,
      commitSeconds: { bounds: [0.01, 0.1, 1], counts: [1, 3, 3], sum: 0.0625, count: 3 },
    },
    stateVolatile: false,
    agent: {
      version: '0.1.0',
      revision: '0a1b2c3',
      nodeVersion: '20.11.0',
      target: 'linux-arm64',
      gatewayId: 'gw-7',
      machineId: '5d1a9f0c7e3b4a2d8c6f1e0b9a7d5c3e',
      monitoredServices: ['mosquitto.service', 'sink@*.service'],
      configProblems: 0,
      lastReloadSuccessful: true,
      lastReloadSuccessMs: 1_795_083_400_000,
      eventLoopLagSeconds: 0.0125,
    },
    mqtt: null,
    remoteWrite: null,
    http: {
      requests: [{ route: '/metrics', code: '200', count: 3 }],
      seconds: { '/metrics': { bounds: [0.01, 0.1], counts: [3, 3], sum: 0.006, count: 3 } },
      streamClientsDropped: 0,
    },
    system: {
      state: 'degraded',
      failedUnits: 1,
      jobs: 2,
      boot: { firmware: null, loader: null, kernel: 2.25, initrd: null, userspace: 20.5 },
    },
    host: {
      memory: 0.25,
      cpu: 0.125,
      disks: [{ path: '/', used: 0.5 }],
      flash: [{ device: 'mmcblk0', lifeUsed: 0.1 }],
    },
    usage: new Map(units.map(({ name }) => [name, { memoryBytes: 4_194_304, cpuSeconds: 0.75, tasks: 3 }])),
    process: { cpuSeconds: 1.5, residentBytes: 47_185_920, openFds: 23, startedAtMs: NOW.wallMs - NOW.monoMs + 60_000 },
    now: NOW,
    ...more,
  }
}
