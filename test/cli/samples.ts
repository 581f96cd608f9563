// For tests: sample units, events and a state file.
import type { OfflineState } from '../../src/cli/console.ts'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import type { CrashEvent, Event } from '../../src/core/event.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { newUnit, type Run, type Settings, type Unit, type UnitSnapshot } from '../../src/core/unit.ts'
import type { Identity } from '../../src/core/views/api-json.ts'
import { NOON } from './fake-agent.ts'

export const IDENTITY: Identity = { gatewayId: 'gw-7', machineId: 'a'.repeat(32), stream: '0123456789abcdef' }

/** A run that is open. */
export const RUN: Run = {
  id: 'a'.repeat(32),
  openedAtMonoMs: 0,
  openedAtMs: NOON,
  job: 0,
  requested: false,
  badResult: null,
  startObserved: false,
  firstOfBoot: false,
}

export function snapshot(activeState: string, subState: string): UnitSnapshot {
  return {
    activeState,
    subState,
    invocationId: null,
    job: 0,
    result: 'success',
    mainCode: 0,
    mainStatus: 0,
    mainPid: 0,
    nRestarts: 0,
    changedAtMonoMs: 0,
    frozen: false,
  }
}

export const LOADED: Settings = {
  loadState: 'loaded',
  restart: 'on-failure',
  enabled: false,
  restartForced: false,
  restartPrevented: false,
  wasActive: true,
  startedBy: [],
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

/** The twelve default units, each kind of condition once. */
export function gatewayState(): State {
  const conditions: Record<string, Partial<Unit>> = {
    'mosquitto.service': {
      counters: { starts: 5, stops: 0, crashes: 4, restarts: 4, lost: 0 },
      lastCrash: {
        cause: { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false },
        requested: false,
        thisBoot: true,
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
        thisBoot: true,
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
      unit(name, { counters: { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 }, ...conditions[name] }),
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
  const common = (seq: number) => ({
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
    { ...common(1), ...run, kind: 'start', seqGap: 64 },
    { ...common(2), ...run, kind: 'restart' },
    { ...common(3), ...run, ...ended, kind: 'stop', fromState: 'active', toState: 'inactive', subState: 'dead' },
    CRASH,
    { ...CRASH, seq: 42, result: 'exit-code', exitCode: 3, signal: null, willRestart: false },
    { ...CRASH, seq: 43, result: 'core-dump', signal: 'SIGSEGV', coreDumped: true, requested: true, willRestart: null },
    { ...CRASH, seq: 44, result: 'unknown', exitCode: null, signal: null, willRestart: null, source: 'reconcile' },
    { ...common(45), kind: 'lost', invocationId: null },
    { ...common(46), kind: 'gave_up', fromState: 'failed', toState: 'failed', subState: 'failed', result: 'exit-code' },
    { ...common(47), kind: 'flapping', flapping: true, crashesInWindow: 5, windowSeconds: 300 },
    { ...common(48), kind: 'flapping', flapping: false, crashesInWindow: 0, windowSeconds: 300 },
    {
      ...common(49),
      kind: 'summary',
      counted: { starts: 600, stops: 0, crashes: 600, restarts: 600, lost: 0 },
      byResult: { 'exit-code': 598, signal: 2 },
      firstMs: NOON,
      lastMs: NOON + 60_000,
    },
    { ...common(50), kind: 'unit_appeared', loadState: 'loaded' },
    { ...common(51), kind: 'unit_vanished', loadState: 'not-found' },
    { ...common(52), kind: 'command', action: 'restart', outcome: 'done', via: 'mqtt', who: null },
    { ...common(53), kind: 'command', action: 'stop', outcome: 'denied', via: 'http', who: 'ops' },
    { ...common(54), kind: 'start_refused', result: 'dependency' },
    { ...common(57), kind: 'evidence', of: 41, evidence: { fileChangedMs: 61_000, signature: '0123456789ab' } },
    {
      ...{ ...common(56), kind: 'command', unit: null, counters: null },
      ...{ action: 'clear', outcome: 'done', via: 'socket', who: null },
    },
    {
      ...common(55),
      kind: 'identity_changed',
      unit: null,
      counters: null,
      source: 'reconcile',
      formerMachineId: 'f'.repeat(32),
      machineId: IDENTITY.machineId,
      formerGatewayId: 'gw-6',
      gatewayId: IDENTITY.gatewayId,
    },
  ]
})()

/** The content of a state file with these units and events. */
export const STORED: OfflineState = {
  state: gatewayState(),
  events: EVENTS,
  identity: IDENTITY,
  published: [],
  writtenAtMs: NOON,
}
