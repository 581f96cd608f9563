// The state of the agent: all units, the event sequence and the stream. Flash, metrics, MQTT and HTTP are views of it.
import type { Counters, Unit } from './unit.ts'

export interface Policy {
  /** Crashes within `flapWindowMs` that make a unit flapping. */
  readonly flapCount: number
  readonly flapWindowMs: number
  /** Maximum number of watched units. */
  readonly maxUnits: number
}

export interface State {
  /** 64 random bits as 16 hex digits, generated with each new state file. */
  readonly stream: string
  /** Configured, or stored since the first start; null until start-up has decided it. */
  readonly gatewayId: string | null
  /** Derived id of the machine that the state belongs to; null until the machine has a persistent one. */
  readonly machineId: string | null
  readonly bootId: string
  /** Counters of the former program were imported into this state. */
  readonly formerImported: boolean
  /** When this boot began, by the wall clock to which the wall times of this boot belong; null before it was read. */
  readonly bootedAtMs: number | null
  /** Sequence number of the newest event. */
  readonly seq: number
  /** Events up to this number were cleared by a user: nothing shows them any more. */
  readonly clearedSeq: number
  /** Sequence numbers skipped by an unclean start; reported on the next event, then 0. */
  readonly seqGap: number
  readonly clockSynced: boolean | null
  /** Events since the agent started that were found by reconciliation, without a signal. Not stored. */
  readonly corrections: number
  readonly units: readonly Unit[]
  /** Position of each unit in `units`; replaced only when the set changes. */
  readonly index: ReadonlyMap<string, number>
  /** What forgotten units had counted, summed by template. */
  readonly forgotten: ReadonlyMap<string, Counters>
  /** Templates of the instances that an Accept=yes socket starts, one for each connection. Not stored. */
  readonly connectionTemplates: ReadonlySet<string>
  readonly policy: Policy
}

/** A smaller change is the inaccuracy of reading two clocks one after the other. */
export const CLOCK_STEP_MS = 500

const DEFAULT_POLICY: Policy = { flapCount: 5, flapWindowMs: 300_000, maxUnits: 1000 }

/** An empty state for a new stream. `stream`: 16 hex digits. */
export function newState(stream: string, policy: Policy = DEFAULT_POLICY): State {
  return {
    stream,
    gatewayId: null,
    machineId: null,
    bootId: '',
    formerImported: false,
    bootedAtMs: null,
    seq: 0,
    clearedSeq: 0,
    seqGap: 0,
    clockSynced: null,
    corrections: 0,
    units: [],
    index: new Map(),
    forgotten: new Map(),
    connectionTemplates: new Set(),
    policy,
  }
}

export function unitOf(state: State, name: string): Unit | undefined {
  const i = state.index.get(name)
  return i === undefined ? undefined : state.units[i]
}

/** The state with `units` replaced, and the index rebuilt. */
export function withUnits(state: State, units: readonly Unit[]): State {
  return { ...state, units, index: new Map(units.map((u, i) => [u.name, i])) }
}

/** The names of units that are no longer watched. */
export function removedUnits(before: State, after: State): readonly string[] {
  if (before.index === after.index) return []
  return before.units.flatMap(({ name }) => (after.index.has(name) ? [] : [name]))
}

/** The units that changed, each with its previous value; undefined if the unit is new. */
export function changedUnits(before: State, after: State): readonly (readonly [was: Unit | undefined, unit: Unit])[] {
  if (before.units === after.units) return []
  const changed: [Unit | undefined, Unit][] = []
  for (let i = 0; i < after.units.length; i++) {
    const unit = after.units[i] as Unit
    const same = before.units[i]
    if (same === unit) continue
    const was = same?.name === unit.name ? same : unitOf(before, unit.name)
    if (was !== unit) changed.push([was, unit])
  }
  return changed
}

/**
 * All wall times of this boot belong to one setting of the wall clock: the one in which the boot began at
 * `state.bootedAtMs`. If it began at another time by the clock of now, they are moved by the difference.
 */
export function setClock(state: State, bootedAtMs: number): State {
  if (state.bootedAtMs === null) return { ...state, bootedAtMs }
  const byMs = bootedAtMs - state.bootedAtMs
  if (Math.abs(byMs) <= CLOCK_STEP_MS) return state
  return { ...state, bootedAtMs, units: state.units.map((unit) => moved(unit, byMs)) }
}

function moved(unit: Unit, byMs: number): Unit {
  const { run, lastCrash, changedAtMs, snapshot, burst } = unit
  const summary = burst?.summary ?? null
  const ofThisBoot = changedAtMs !== null && (snapshot?.changedAtMonoMs ?? 0) > 0
  return {
    ...unit,
    run: run && { ...run, openedAtMs: run.openedAtMs + byMs },
    lastCrash: lastCrash?.thisBoot ? { ...lastCrash, atMs: lastCrash.atMs + byMs } : lastCrash,
    changedAtMs: ofThisBoot ? changedAtMs + byMs : changedAtMs,
    burst:
      burst && summary
        ? { ...burst, summary: { ...summary, firstMs: summary.firstMs + byMs, lastMs: summary.lastMs + byMs } }
        : burst,
  }
}
