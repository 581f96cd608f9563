// Tells the log of steps: one line for each state change and event, one summary per interval in which something happened.
import { eventJson, type Identity } from '../core/api-json.ts'
import type { EventKind } from '../core/event.ts'
import { changedUnits } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import type { Clock, EventSink, Step } from '../ports.ts'
import { changeLine, eventLine, shownState } from './lines.ts'
import type { Logger } from './log.ts'

interface LogSinkOptions {
  readonly identity: () => Identity
  readonly clock: Pick<Clock, 'after'>
  /** Distance of summaries in ms, asked for each time. */
  readonly statsEveryMs: () => number
  /** The agent's own numbers for the end of the summary line, in words; none where absent. */
  readonly numbers?: () => string
}

export function createLogSink(logger: Logger, { identity, clock, statsEveryMs, numbers }: LogSinkOptions): EventSink {
  const told = new Map<EventKind, number>()
  const units = new Set<string>()
  let undo: (() => void) | null = null

  const summarize = () => {
    undo = null
    const counts = [...told].map(([kind, count]) => `${kind} ${count}`).join(', ')
    const line = `Summary: ${counts}; ${units.size} ${units.size === 1 ? 'unit' : 'units'}${numbers ? `; ${numbers()}` : ''}`
    logger.log('info', line, { counts: Object.fromEntries(told), units: [...units] })
    told.clear()
    units.clear()
  }

  const tellEvents = ({ events }: Step) => {
    for (const event of events) {
      const { level, text } = eventLine(event)
      if (logger.format() === 'json') logger.record(level, eventJson(event, identity()))
      else logger.log(level, text)
      told.set(event.kind, (told.get(event.kind) ?? 0) + 1)
      units.add(event.unit)
    }
    if (events.length > 0) undo ??= clock.after(statsEveryMs(), summarize)
  }

  return {
    accept(step) {
      for (const [before, after] of changedUnits(step.before, step.after)) tellChange(logger, before, after)
      tellEvents(step)
    },
    async stop() {
      undo?.()
      if (told.size > 0) summarize()
    },
  }
}

function tellChange(logger: Logger, before: Unit | undefined, after: Unit): void {
  if (after.burst?.summary) return // its starts and ends are told by a summary: so are the states between them
  const from = shownState(before)
  const to = shownState(after)
  // What a start is first seen with are the states of the run before it.
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
