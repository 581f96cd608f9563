// The log lines about the states of units: the first state of each, then every change, from the state of the line before.
import { isEnded } from '../core/cause.ts'
import { shownCounters, type Unit } from '../core/unit.ts'
import { shownState } from '../core/unit-facts.ts'
import { changeLine, initialLine, loadedLine } from './lines.ts'
import type { Logger } from './log.ts'

export interface StateLines {
  /** Logs the state of a unit and the counters that were loaded for it, when the unit is read for the first time. */
  first(before: Unit | undefined, after: Unit): void
  /** Logs a change to this state, unless the last line of the unit ended in it, or none was written yet. */
  change(unit: string, state: string, subState: string): void
  /** Logs the state in which `after` is, if it differs. */
  changed(before: Unit | undefined, after: Unit): void
  forget(unit: string): void
}

export function createStateLines(logger: Pick<Logger, 'log'>): StateLines {
  /** The state in which the last line of each unit ended. */
  const shown = new Map<string, string>()

  const change = (unit: string, state: string, subState: string) => {
    const from = shown.get(unit)
    if (from === undefined || from === state) return
    shown.set(unit, state)
    const fields = { service: unit, from_state: from, to_state: state, sub_state: subState }
    logger.log('info', changeLine(unit, from, state, subState), fields)
  }

  return {
    first(before, after) {
      const { name, snapshot, tracking } = after
      if (shown.has(name) || tracking !== 'continuous' || snapshot === null) return
      if (before?.tracking === 'continuous') shown.set(name, stateOf(before))
      else {
        const [state, { subState }] = [stateOf(after), snapshot]
        shown.set(name, state)
        logger.log('info', initialLine(name, state, subState), { service: name, state, sub_state: subState })
        const counters = before && shownCounters(before)
        if (counters && Object.values(counters).some((count) => count > 0))
          logger.log('info', loadedLine(name, counters), { service: name, counters })
      }
    },
    change,
    changed(before, after) {
      const { name, snapshot } = after
      if (snapshot === null) return
      if (after.burst?.summary) return // a summary replaces the unit's start and end events, and the states between them
      const state = stateOf(after)
      const { subState } = snapshot
      if (before?.snapshot && stateOf(before) === state && before.snapshot.subState !== subState) {
        const fields = { service: name, from_state: state, to_state: state, sub_state: subState }
        logger.log('debug', `${name}:  ${state} (SubState: ${before.snapshot.subState} -> ${subState})`, fields)
      }
      change(name, state, subState)
    },
    forget: (unit) => void shown.delete(unit),
  }
}

/** The first snapshots of a run can still show the final state of the run before. */
export function showsRunBefore({ run, snapshot }: Unit): boolean {
  return run !== null && snapshot !== null && isEnded(snapshot)
}

/** The last known state: one line about a lost connection replaces one for each unit. */
function stateOf(unit: Unit): string {
  return shownState(unit.outOfContact ? { ...unit, outOfContact: false } : unit)
}
