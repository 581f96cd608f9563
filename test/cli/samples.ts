// For tests: units and events as the core makes them, with little said.
import type { OfflineState } from '../../src/cli/console.ts'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import type { Identity } from '../../src/core/api-json.ts'
import type { CrashEvent, Event } from '../../src/core/event.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { newUnit, type Unit, type UnitSnapshot } from '../../src/core/unit.ts'
import { NOON } from './fake-agent.ts'

export const IDENTITY: Identity = { gatewayId: 'gw-7', machineId: 'a'.repeat(32), stream: '0123456789abcdef' }

export function snapshot(activeState: string, subState: string): UnitSnapshot {
  return {
    activeState,
    subState,
    invocationId: null,
    job: 0,
    result: 'success',
    mainCode: 0,
    mainStatus: 0,
    nRestarts: 0,
    changedAtMonoMs: 0,
  }
}

const LOADED = {
  loadState: 'loaded',
  restart: 'on-failure',
  enabled: false,
  restartForced: false,
  restartPrevented: false,
}

export function unit(name: string, more: Partial<Unit> = {}): Unit {
  return {
    ...newUnit(name),
    snapshot: snapshot('active', 'running'),
    settings: LOADED,
    changedAtMs: NOON - 90_000,
    ...more,
  }
}

export function stateOf(...units: Unit[]): State {
  return withUnits({ ...newState(IDENTITY.stream), gatewayId: 'gw-7', bootId: 'b'.repeat(32) }, units)
}

/** The twelve of a gateway, with one of each fate. */
export function gatewayState(): State {
  const fates: Record<string, Partial<Unit>> = {
    'mosquitto.service': {
      counters: { starts: 5, stops: 0, crashes: 4, restarts: 4, lost: 0 },
      lastCrash: {
        cause: { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false },
        requested: false,
        atMs: NOON - 7_200_000,
      },
      flapping: true,
    },
    'hwcheck.service': {
      snapshot: snapshot('failed', 'failed'),
      counters: { starts: 1204, stops: 1, crashes: 1200, restarts: 1199, lost: 3 },
      lastCrash: {
        cause: { result: 'exit-code', exitCode: 203, signal: null, coreDumped: false },
        requested: false,
        atMs: NOON - 30 * 86_400_000,
      },
      gaveUp: true,
    },
    'devmgmt.service': { snapshot: snapshot('deactivating', 'stop-sigterm'), changedAtMs: NOON - 200 * 86_400_000 },
    'provisioning.service': { snapshot: snapshot('inactive', 'dead'), changedAtMs: null },
    'Node-Configuration.service': {
      snapshot: snapshot('inactive', 'dead'),
      settings: { ...LOADED, loadState: 'masked' },
      changedAtMs: null,
    },
  }
  return stateOf(
    ...DEFAULT_UNITS.map((name) =>
      unit(name, { counters: { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 }, ...fates[name] }),
    ),
  )
}

export const CRASH: CrashEvent = {
  kind: 'crash',
  seq: 41,
  atMs: NOON,
  bootId: 'b'.repeat(32),
  source: 'signal',
  clockSynced: true,
  unit: 'mosquitto.service',
  counters: { starts: 5, stops: 1, crashes: 4, restarts: 4, lost: 0 },
  fromState: 'active',
  toState: 'failed',
  subState: 'failed',
  result: 'signal',
  exitCode: null,
  signal: 'SIGKILL',
  coreDumped: false,
  invocationId: 'c'.repeat(32),
  requested: false,
  willRestart: true,
}

/** An event of each kind. */
export const EVENTS: readonly Event[] = (() => {
  const told = (seq: number) => ({
    seq,
    atMs: NOON + seq * 1000,
    bootId: 'b'.repeat(32),
    source: 'signal' as const,
    clockSynced: true,
    unit: 'mosquitto.service',
    counters: { starts: 5, stops: 1, crashes: 3, restarts: 4, lost: 1 },
  })
  const run = { fromState: 'inactive', toState: 'active', subState: 'running', invocationId: 'c'.repeat(32) }
  const ended = { result: 'success', exitCode: 0, signal: null, coreDumped: false, requested: true }
  return [
    { ...told(1), ...run, kind: 'start', seqGap: 64 },
    { ...told(2), ...run, kind: 'restart' },
    { ...told(3), ...run, ...ended, kind: 'stop', fromState: 'active', toState: 'inactive', subState: 'dead' },
    CRASH,
    { ...CRASH, seq: 42, result: 'exit-code', exitCode: 3, signal: null, willRestart: false },
    { ...CRASH, seq: 43, result: 'core-dump', signal: 'SIGSEGV', coreDumped: true, requested: true, willRestart: null },
    { ...CRASH, seq: 44, result: 'unknown', exitCode: null, signal: null, willRestart: null, source: 'reconcile' },
    { ...told(45), kind: 'lost', invocationId: null },
    { ...told(46), kind: 'gave_up', fromState: 'failed', toState: 'failed', subState: 'failed', result: 'exit-code' },
    { ...told(47), kind: 'flapping', flapping: true, crashesInWindow: 5, windowSeconds: 300 },
    { ...told(48), kind: 'flapping', flapping: false, crashesInWindow: 0, windowSeconds: 300 },
    {
      ...told(49),
      kind: 'summary',
      counted: { starts: 600, stops: 0, crashes: 600, restarts: 600, lost: 0 },
      byResult: { 'exit-code': 598, signal: 2 },
      firstMs: NOON,
      lastMs: NOON + 60_000,
    },
    { ...told(50), kind: 'unit_appeared', loadState: 'loaded' },
    { ...told(51), kind: 'unit_vanished', loadState: 'not-found' },
    { ...told(52), kind: 'command', action: 'restart', outcome: 'done', via: 'mqtt', who: null },
    { ...told(53), kind: 'command', action: 'stop', outcome: 'denied', via: 'http', who: 'ops' },
  ]
})()

/** A state file with all of this. */
export const STORED: OfflineState = {
  state: gatewayState(),
  events: EVENTS,
  identity: IDENTITY,
  writtenAtMs: NOON,
}
