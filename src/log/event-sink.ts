// Writes steps to the log: a line for each state change and event, and a summary for each interval with events.

import type { Event, EventKind, StartEvent, UnitEvent } from '../core/event.ts'
import { changedUnits, removedUnits, type State, unitOf } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import { eventJson, type Identity } from '../core/views/api-json.ts'
import { plural } from '../core/views/format.ts'
import type { Clock, EventSink, Step } from '../ports.ts'
import { eventLine } from './lines.ts'
import type { Logger } from './log.ts'
import { createStateLines, showsRunBefore } from './state-lines.ts'

interface LogSinkOptions {
  readonly identity: () => Identity
  readonly clock: Pick<Clock, 'after'>
  /** Interval of the summaries in ms; read each time. */
  readonly statsEveryMs: () => number
}

export function createLogSink(logger: Logger, { identity, clock, statsEveryMs }: LogSinkOptions): EventSink {
  const counted = new Map<EventKind, number>()
  const units = new Set<string>()
  const states = createStateLines(logger)
  /** Starts whose unit still shows the state of the run before: the line of the change comes first. */
  const waiting = new Map<string, StartEvent>()
  let undo: (() => void) | null = null
  let synced: boolean | null = null

  const summarize = () => {
    undo = null
    const counts = [...counted].map(([kind, count]) => `${kind} ${count}`).join(', ')
    const line = `Summary: ${counts}; ${plural(units.size, 'unit')}`
    logger.log('info', line, { counts: Object.fromEntries(counted), units: [...units] })
    counted.clear()
    units.clear()
  }

  const logEvent = (event: Event) => {
    const { level, text } = eventLine(event)
    if (logger.format() === 'json') logger.record(level, eventJson(event, identity()))
    else logger.log(level, text)
  }

  /** A clock that is wrong is reported once, and once more when it is right. */
  const logClock = ({ clockSynced }: State) => {
    if (clockSynced === synced) return
    if (clockSynced === false) logger.log('warning', 'clock: not synchronised; the times of events may be wrong')
    if (synced === false) logger.log('info', 'clock: synchronised')
    synced = clockSynced
  }

  /** Logs the start that waits, after a line for its own change if none came. */
  const logWaiting = (unit: string) => {
    const start = waiting.get(unit)
    if (start === undefined) return
    waiting.delete(unit)
    states.change(unit, start.toState, start.subState)
    logEvent(start)
  }

  const logChange = (before: Unit | undefined, after: Unit) => {
    if (showsRunBefore(after)) return
    states.changed(before, after)
    const start = waiting.get(after.name)
    if (start === undefined) return
    waiting.delete(after.name)
    logEvent(start)
  }

  /** The change comes first, then the event. */
  const logWithChange = (event: UnitEvent, step: Step) => {
    const unit = unitOf(step.after, event.unit)
    logWaiting(event.unit)
    if (unit !== undefined && event.source === 'reconcile') logChange(unitOf(step.before, event.unit), unit)
    else if (unit !== undefined && 'toState' in event) {
      if ((event.kind === 'start' || event.kind === 'restart') && showsRunBefore(unit)) {
        waiting.set(event.unit, event)
        return
      }
      if (unit.snapshot?.activeState !== event.toState) states.change(event.unit, event.toState, event.subState)
      else logChange(unitOf(step.before, event.unit), unit)
    }
    logEvent(event)
  }

  return {
    accept(step) {
      logClock(step.after)
      const changed = changedUnits(step.before, step.after)
      for (const [before, after] of changed) states.first(before, after)
      for (const event of step.events) {
        counted.set(event.kind, (counted.get(event.kind) ?? 0) + 1)
        if (event.unit === null) logEvent(event)
        else {
          logWithChange(event, step)
          units.add(event.unit)
        }
      }
      for (const [before, after] of changed) logChange(before, after)
      for (const unit of removedUnits(step.before, step.after)) {
        waiting.delete(unit)
        states.forget(unit)
      }
      if (step.events.length > 0) undo ??= clock.after(statsEveryMs(), summarize)
    },
    async stop() {
      for (const unit of [...waiting.keys()]) logWaiting(unit)
      undo?.()
      if (counted.size > 0) summarize()
    },
  }
}
