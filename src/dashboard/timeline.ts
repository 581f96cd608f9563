// A unit's last 24 hours, derived from its events: in which phase it was at each time, as far as known. Pure.
import type { UnitView } from '../core/views/api-views.ts'
import type { EventView } from '../core/views/event-text.ts'
import { plural } from '../core/views/format.ts'

type Phase = 'running' | 'stopped' | 'failed' | 'unknown'

/** Lasts until the next span starts. */
interface Span {
  readonly fromMs: number
  readonly phase: Phase
}

export interface Timeline {
  readonly fromMs: number
  readonly toMs: number
  /** In order; the first one starts at `fromMs`. */
  readonly spans: readonly Span[]
  /** Times of crashes; a summary, which may contain many crashes, has one. */
  readonly crashesMs: readonly number[]
  /** All crashes, including those in summaries. */
  readonly crashes: number
}

export const DAY_MS = 86_400_000

/** `events`: all stored ones of this unit, oldest first. `completeFromMs`: no event of any unit is missing after it. */
export function timelineOf(
  unit: UnitView,
  events: readonly EventView[],
  completeFromMs: number,
  nowMs: number,
): Timeline {
  const fromMs = nowMs - DAY_MS
  const spans: Span[] = [{ fromMs: Number.NEGATIVE_INFINITY, phase: 'unknown' }]
  if (events[0] !== undefined) spans.push({ fromMs: completeFromMs, phase: phaseBefore(events[0]) })
  const crashesMs: number[] = []
  let crashes = 0
  for (const event of events) {
    const at = timeOf(event)
    const phase = phaseAfter(event)
    if (phase !== null) spans.push({ fromMs: at, phase })
    const counted = event.event === 'crash' ? 1 : event.event === 'summary' ? (event.crashes ?? 0) : 0
    if (counted > 0 && at >= fromMs) {
      crashesMs.push(at)
      crashes += counted
    }
  }
  // systemd's current state covers what no event reports, such as reset-failed, and a unit without stored events.
  const now = phaseOf(unit)
  const since = unit.since === null ? nowMs : Date.parse(unit.since)
  const last = spans.at(-1)
  if (last !== undefined && last.phase !== now) spans.push({ fromMs: Math.max(since, last.fromMs), phase: now })
  return { fromMs, toMs: nowMs, spans: clipSpans(spans, fromMs, nowMs), crashesMs, crashes }
}

function timeOf(event: EventView): number {
  return Date.parse(event.timestamp ?? '')
}

function phaseAfter({ event }: EventView): Phase | null {
  if (event === 'start' || event === 'restart') return 'running'
  if (event === 'stop') return 'stopped'
  if (event === 'crash' || event === 'gave_up') return 'failed'
  return event === 'lost' ? 'unknown' : null
}

function phaseBefore({ event, source }: EventView): Phase {
  // A start that was detected later does not show what was before it.
  if (event === 'start' || event === 'restart') return source === 'reconcile' ? 'unknown' : 'stopped'
  return event === 'stop' || event === 'crash' || event === 'lost' ? 'running' : 'unknown'
}

function phaseOf({ active_state: state }: UnitView): Phase {
  if (state === 'active' || state === 'reloading' || state === 'refreshing' || state === 'deactivating')
    return 'running'
  if (state === 'failed') return 'failed'
  return state === 'inactive' || state === 'activating' || state === 'unloaded' ? 'stopped' : 'unknown'
}

/** The spans within the 24 hours. Joins equal neighbours, and corrects times that a clock change put out of order. */
function clipSpans(spans: readonly Span[], fromMs: number, toMs: number): Span[] {
  const clipped: Span[] = []
  for (const span of spans) {
    const at = Math.max(span.fromMs, clipped.at(-1)?.fromMs ?? fromMs, fromMs)
    if (at > toMs) break
    if (clipped.at(-1)?.fromMs === at) clipped.pop()
    if (clipped.at(-1)?.phase !== span.phase) clipped.push({ fromMs: at, phase: span.phase })
  }
  return clipped
}

/** The timeline as text, for screen readers: `last 24 hours: running 98%, failed 2%, 3 crashes`. */
export function timelineText({ fromMs, toMs, spans, crashes }: Timeline): string {
  const durations: Record<Phase, number> = { running: 0, stopped: 0, failed: 0, unknown: 0 }
  spans.forEach((span, i) => {
    durations[span.phase] += (spans[i + 1]?.fromMs ?? toMs) - span.fromMs
  })
  const shares = (Object.keys(durations) as Phase[])
    .filter((phase) => durations[phase] > 0)
    .map((phase) => `${phase} ${percent(durations[phase] / (toMs - fromMs))}`)
  return `last 24 hours: ${[...shares, plural(crashes, 'crash', 'crashes')].join(', ')}`
}

/** Never 0% for a phase that occurred, nor 100% for one that did not last all the time. */
function percent(share: number): string {
  if (share > 0 && share < 0.01) return 'under 1%'
  return share < 1 && share > 0.99 ? 'over 99%' : `${Math.round(share * 100)}%`
}
