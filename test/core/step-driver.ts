// Literal snapshots and a small driver for tests of `step`.
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import { newState, type State, unitOf } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import type { Settings, Unit, UnitSnapshot } from '../../src/core/unit.ts'
import { countersBalance } from '../../src/core/unit-facts.ts'

export const IDLE: UnitSnapshot = {
  activeState: 'inactive',
  subState: 'dead',
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

export const SETTINGS: Settings = {
  loadState: 'loaded',
  enabled: false,
  restart: 'no',
  restartForced: false,
  restartPrevented: false,
  wasActive: true,
  startedBy: [],
}

export const at = (monoMs: number) => ({ monoMs, wallMs: 1_700_000_000_000 + monoMs })

/** Applies the observations one after the other; throws if counters no longer balance. */
export function stepAll(from: State, observations: readonly Observation[]): { state: State; events: Event[] } {
  const events: Event[] = []
  let state = from
  for (const o of observations) {
    const stepped = step(state, o)
    state = stepped.state
    events.push(...stepped.events)
    for (const unit of state.units) {
      if (!countersBalance(unit))
        throw new Error(`counters out of balance after ${JSON.stringify(o)}: ${JSON.stringify(unit)}`)
    }
  }
  return { state, events }
}

/** A state that watches these units in boot `boot-1`, without any snapshot yet. */
export function watching(...units: string[]): State {
  return stepAll(newState('00112233aabbccdd'), [
    { kind: 'boot', at: at(0), bootId: 'boot-1' },
    { kind: 'watch', at: at(0), units, patterns: [] },
  ]).state
}

export function unitNamed(state: State, name: string): Unit {
  const unit = unitOf(state, name)
  if (!unit) throw new Error(`no unit ${name}`)
  return unit
}

export function signal(unit: string, monoMs: number, snapshot: Partial<UnitSnapshot>): Observation {
  return { kind: 'signal', unit, at: at(monoMs), snapshot: { ...IDLE, ...snapshot } }
}

export function read(
  unit: string,
  monoMs: number,
  snapshot: Partial<UnitSnapshot>,
  settings: Partial<Settings> = {},
): Observation {
  return {
    kind: 'read',
    unit,
    at: at(monoMs),
    snapshot: { ...IDLE, ...snapshot },
    settings: { ...SETTINGS, ...settings },
  }
}
