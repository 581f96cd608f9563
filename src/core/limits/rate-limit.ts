// Limits the event rate of one unit: above the limit, one summary per window replaces its start and end events.
import type { Instant } from '../observation.ts'
import type { Context, PendingEvent, Transition } from '../transition.ts'
import { addCounters, type Burst, type Counters, own, type Summary, shownCounters, type Unit, ZERO } from '../unit.ts'

export const BURST_WINDOW_MS = 60_000
export const BURST_ENDS = 120

type Start = Extract<PendingEvent, { kind: 'start' | 'restart' }>
type End = Extract<PendingEvent, { kind: 'stop' | 'crash' | 'lost' }>

const COUNTED_AS = { stop: 'stops', crash: 'crashes', lost: 'lost' } as const

/** Emits a start event, or adds it to the summary while the unit is above the limit. */
export function emitStart(unit: Unit, ctx: Context, start: Start): Transition {
  const burst = unit.burst
  if (burst?.summary == null) return { unit, events: [start] }
  const counted = { ...ZERO, starts: 1, restarts: start.kind === 'restart' ? 1 : 0 }
  return {
    unit: { ...unit, burst: { ...burst, summary: addToSummary(burst.summary, ctx.at, counted, null) } },
    events: [],
  }
}

/** Emits an end event, or adds it to the summary; the end that exceeds the limit begins the summary. */
export function emitEnd(unit: Unit, ctx: Context, end: End): Transition {
  const rolled = rollWindow(unit, ctx.at)
  const before: Burst = rolled.unit.burst ?? { sinceMonoMs: ctx.at.monoMs, ends: 0, summary: null }
  const ends = before.ends + 1
  if (before.summary === null && ends <= BURST_ENDS) {
    return { unit: { ...rolled.unit, burst: { ...before, ends } }, events: [...rolled.events, end] }
  }
  const counted: Counters = { ...ZERO, [COUNTED_AS[end.kind]]: 1 }
  const summary = addToSummary(
    before.summary ?? emptySummary(ctx.at),
    ctx.at,
    counted,
    end.kind === 'crash' ? end.result : null,
  )
  return { unit: { ...rolled.unit, burst: { ...before, ends, summary } }, events: rolled.events }
}

/** At the end of a window: emits the summary, and begins another one if the window was above the limit. */
export function rollWindow(unit: Unit, at: Instant): Transition {
  const burst = unit.burst
  if (burst === null || at.monoMs < burst.sinceMonoMs + BURST_WINDOW_MS) return { unit, events: [] }
  const stillOver = burst.ends > BURST_ENDS
  const next: Burst | null = stillOver ? { sinceMonoMs: at.monoMs, ends: 0, summary: emptySummary(at) } : null
  const events = burst.summary !== null && eventsIn(burst.summary) > 0 ? [summaryOf(unit, burst.summary)] : []
  return { unit: { ...unit, burst: next }, events }
}

function summaryOf(unit: Unit, summary: Summary): PendingEvent {
  return { kind: 'summary', unit: unit.name, source: 'signal', counters: shownCounters(unit), ...summary }
}

function emptySummary(at: Instant): Summary {
  return { counted: ZERO, byResult: {}, firstMs: at.wallMs, lastMs: at.wallMs }
}

function eventsIn({ counted }: Summary): number {
  return counted.starts + counted.stops + counted.crashes + counted.lost
}

function addToSummary(summary: Summary, at: Instant, counted: Counters, result: string | null): Summary {
  const byResult = summary.byResult
  return {
    counted: addCounters(summary.counted, counted),
    byResult: result === null ? byResult : { ...byResult, [result]: (own(byResult, result) ?? 0) + 1 },
    firstMs: eventsIn(summary) === 0 ? at.wallMs : summary.firstMs,
    lastMs: at.wallMs,
  }
}
