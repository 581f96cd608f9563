// Writes steps to the log: a line for each state change and event, and a summary for each interval with events.

import type { EventKind } from '../core/event.ts'
import { changedUnits } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import { shownState } from '../core/unit-facts.ts'
import { eventJson, type Identity } from '../core/views/api-json.ts'
import { plural } from '../core/views/format.ts'
import type { Clock, EventSink, Step } from '../ports.ts'
import { changeLine, eventLine } from './lines.ts'
import type { Logger } from './log.ts'

interface LogSinkOptions {
  readonly identity: () => Identity
  readonly clock: Pick<Clock, 'after'>
  /** Interval of the summaries in ms; read each time. */
  readonly statsEveryMs: () => number
}

export function createLogSink(logger: Logger, { identity, clock, statsEveryMs }: LogSinkOptions): EventSink {
  const counted = new Map<EventKind, number>()
  const units = new Set<string>()
  let undo: (() => void) | null = null

  const summarize = () => {
    undo = null
    const counts = [...counted].map(([kind, count]) => `${kind} ${count}`).join(', ')
    const line = `Summary: ${counts}; ${plural(units.size, 'unit')}`
    logger.log('info', line, { counts: Object.fromEntries(counted), units: [...units] })
    counted.clear()
    units.clear()
  }

  const logEvents = ({ events }: Step) => {
    for (const event of events) {
      const { level, text } = eventLine(event)
      if (logger.format() === 'json') logger.record(level, eventJson(event, identity()))
      else logger.log(level, text)
      counted.set(event.kind, (counted.get(event.kind) ?? 0) + 1)
      units.add(event.unit)
    }
    if (events.length > 0) undo ??= clock.after(statsEveryMs(), summarize)
  }

  return {
    accept(step) {
      for (const [before, after] of changedUnits(step.before, step.after)) logChange(logger, before, after)
      logEvents(step)
    },
    async stop() {
      undo?.()
      if (counted.size > 0) summarize()
    },
  }
}

function logChange(logger: Logger, before: Unit | undefined, after: Unit): void {
  if (after.burst?.summary) return // a summary replaces the unit's start and end events, and the states between them
  const from = loggedState(before)
  const to = loggedState(after)
  // The first snapshot after a start may still show the final state of the previous run.
  if (after.run !== null && after.run.id !== before?.run?.id && (to === 'inactive' || to === 'failed')) return
  const subState = after.snapshot?.subState ?? 'unknown'
  const fields = { service: after.name, from_state: from, to_state: to, sub_state: subState }
  if (from !== to) logger.log('info', changeLine(after.name, from, to, subState), fields)
  else if (before?.snapshot?.subState !== subState) {
    logger.log(
      'debug',
      `${after.name}:  ${to} (SubState: ${before?.snapshot?.subState ?? 'unknown'} -> ${subState})`,
      fields,
    )
  }
}

/** The last known state: one line about a lost connection replaces one for each unit. */
function loggedState(unit: Unit | undefined): string {
  if (unit === undefined) return 'unknown'
  return shownState(unit.outOfContact ? { ...unit, outOfContact: false } : unit)
}
