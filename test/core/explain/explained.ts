// For tests of explanations: literal units, events and what systemd reports, in one minute of a gateway.
import type { CrashEvent, Event } from '../../../src/core/event.ts'
import { type Explanation, explain } from '../../../src/core/explain/explanation.ts'
import type { ExplanationInput } from '../../../src/core/explain/explanation-input.ts'
import { newUnit } from '../../../src/core/unit.ts'
import type { StartFacts, UnitStatus } from '../../../src/core/unit-status.ts'
import type { Identity } from '../../../src/core/views/api-json.ts'

export const IDENTITY: Identity = { gatewayId: 'gw-7', machineId: 'a'.repeat(32), stream: '0123456789abcdef' }
/** The present time of all explanations. */
export const NOW = { wallMs: Date.UTC(2026, 10, 20, 10, 2, 0), monoMs: 3_720_000 }
const COUNTERS = { starts: 5, stops: 1, crashes: 4, restarts: 4, lost: 0 }

/** An event `secondsAgo`. */
function base(unit: string, secondsAgo: number) {
  return {
    seq: Math.round(1_000_000 - secondsAgo * 100),
    atMs: NOW.wallMs - secondsAgo * 1000,
    bootId: 'b'.repeat(32),
    source: 'signal' as const,
    clockSynced: true,
    unit,
    counters: COUNTERS,
  }
}

export function crash(unit: string, secondsAgo: number, more: Partial<CrashEvent> = {}): CrashEvent {
  return {
    ...base(unit, secondsAgo),
    kind: 'crash',
    fromState: 'active',
    toState: 'failed',
    subState: 'failed',
    result: 'signal',
    exitCode: null,
    signal: 'SIGKILL',
    coreDumped: false,
    invocationId: 'c'.repeat(32),
    requested: false,
    willRestart: false,
    ...more,
  }
}

export const EXIT = (exitCode: number) => ({ result: 'exit-code', exitCode, signal: null })

export function stop(unit: string, secondsAgo: number, more: object = {}): Event {
  const { willRestart: _, ...ended } = crash(unit, secondsAgo)
  const clean = { result: 'success', signal: 'SIGTERM', toState: 'inactive', subState: 'dead', requested: true }
  return { ...ended, ...clean, kind: 'stop', invocationId: 'c'.repeat(32), ...more } as Event
}

export function event(kind: Event['kind'], unit: string, secondsAgo: number, more: object = {}): Event {
  const change = { fromState: 'inactive', toState: 'active', subState: 'running', invocationId: 'd'.repeat(32) }
  return { ...base(unit, secondsAgo), ...change, kind, ...more } as Event
}

/** A failed service with Restart=no, without what starts it. */
export function status(unit: string, more: Partial<UnitStatus> = {}, start: Partial<StartFacts> = {}): UnitStatus {
  return {
    unit,
    description: unit,
    loadState: 'loaded',
    activeState: 'failed',
    subState: 'failed',
    fileState: 'enabled',
    frozen: false,
    triggers: [],
    changedAtMonoMs: NOW.monoMs - 60_000,
    activeAtMonoMs: null,
    cause: null,
    result: null,
    exitCode: null,
    signal: null,
    mainPid: null,
    restarts: 0,
    memoryBytes: null,
    cpuSeconds: null,
    tasks: null,
    user: null,
    workingDirectory: null,
    commands: [{ setting: 'ExecStart', line: '/usr/bin/sink --port 1' }],
    environmentNames: [],
    environmentFiles: [],
    file: `/lib/systemd/system/${unit}`,
    dropIns: [],
    dependencies: {},
    ...more,
    start: {
      wasActive: true,
      loadError: null,
      hasJob: false,
      restart: 'no',
      restartDelayMs: 100,
      limit: { starts: 5, withinMs: 10_000 },
      conditions: [],
      conditionsMet: true,
      assertsMet: true,
      ...start,
    },
  }
}

export const RUNNING = { activeState: 'active', subState: 'running' }
export const INACTIVE = { activeState: 'inactive', subState: 'dead' }
export const RESTARTS = { restart: 'on-failure', restartDelayMs: 1000 }

export function explained(name: string, more: Partial<ExplanationInput> = {}): Explanation {
  const input: ExplanationInput = {
    name,
    unit: newUnit(name),
    status: status(name),
    needs: [],
    history: [],
    event: null,
    now: NOW,
    isLocal: true,
    sources: { explain: true, journal: 'readable' },
    ...more,
  }
  return explain(input, IDENTITY)
}
