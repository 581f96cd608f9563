// Counting that begins again: after `clear`, and with a state that another machine has counted.
import { openRun } from './runs.ts'
import type { State } from './state.ts'
import type { Context, Transition } from './transition.ts'
import { newUnit, shownCounters, type Unit, ZERO } from './unit.ts'

/**
 * The derived id of the other machine that the state came from; null if it is of this one. `machineId`: the derived,
 * persistent id of this machine. If either id is unknown, another machine cannot be detected.
 */
export function otherMachine({ machineId: kept }: Pick<State, 'machineId'>, machineId: string | null): string | null {
  return machineId !== null && machineId !== kept ? kept : null
}

/** A unit of which only the counts of another machine are known. */
export function asBaseline(unit: Unit): Unit {
  return { ...newUnit(unit.name), byPattern: unit.byPattern, baseline: shownCounters(unit) }
}

/** `clear`: every count is zero; an open run counts as one start. */
export function cleared(unit: Unit, ctx: Context): Transition {
  const zeroed: Unit = {
    ...unit,
    run: null,
    counters: ZERO,
    baseline: ZERO,
    failures: {},
    startJobsFailed: {},
    job: null,
    canceledAtMonoMs: null,
    lastCrash: null,
    history: null,
    crashTimesMonoMs: [],
    flapping: false,
    burst: null,
  }
  return unit.run === null || unit.snapshot === null
    ? { unit: zeroed, events: [] }
    : continueRun(openRun(zeroed, ctx, unit.snapshot, false), unit)
}

/** After `clear`, the open run continues with its own id and start time. */
function continueRun(transition: Transition, before: Unit): Transition {
  return { unit: { ...transition.unit, run: before.run, runIds: before.runIds }, events: transition.events }
}
