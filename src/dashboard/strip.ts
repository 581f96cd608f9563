// A unit's last 24 hours out of its events: what it was when, as far as that is known. Pure.
import type { UnitView } from '../core/api-views.ts'
import type { EventView } from '../core/event-text.ts'
import { plural } from '../core/format.ts'

export type Life = 'running' | 'stopped' | 'failed' | 'unknown'

/** From a time on, until the next one begins. */
export interface Span {
  readonly fromMs: number
  readonly life: Life
}

export interface Strip {
  readonly fromMs: number
  readonly toMs: number
  /** In order; the first begins at `fromMs`. */
  readonly spans: readonly Span[]
  readonly crashesMs: readonly number[]
  /** Those of the last ones told one by one, and of summaries. */
  readonly crashes: number
}

export const DAY_MS = 86_400_000

/** `events`: all that are kept of this unit, oldest first. `wholeFromMs`: from when on no event of any unit is missing. */
export function stripOf(unit: UnitView, events: readonly EventView[], wholeFromMs: number, nowMs: number): Strip {
  const fromMs = nowMs - DAY_MS
  const spans: Span[] = [{ fromMs: Number.NEGATIVE_INFINITY, life: 'unknown' }]
  if (events[0] !== undefined) spans.push({ fromMs: wholeFromMs, life: before(events[0]) })
  const crashesMs: number[] = []
  let crashes = 0
  for (const event of events) {
    const at = timeOf(event)
    const life = after(event)
    if (life !== null) spans.push({ fromMs: at, life })
    const counted = event.event === 'crash' ? 1 : event.event === 'summary' ? (event.crashes ?? 0) : 0
    if (counted > 0 && at >= fromMs) {
      crashesMs.push(at)
      crashes += counted
    }
  }
  // What no event tells, such as reset-failed, or all of it where none is kept: systemd has it, and since when.
  const now = lifeOf(unit)
  const since = unit.since === null ? nowMs : Date.parse(unit.since)
  const last = spans.at(-1)
  if (last !== undefined && last.life !== now) spans.push({ fromMs: Math.max(since, last.fromMs), life: now })
  return { fromMs, toMs: nowMs, spans: within(spans, fromMs, nowMs), crashesMs, crashes }
}

function timeOf(event: EventView): number {
  return Date.parse(event.timestamp ?? '')
}

function after({ event }: EventView): Life | null {
  if (event === 'start' || event === 'restart') return 'running'
  if (event === 'stop') return 'stopped'
  if (event === 'crash' || event === 'gave_up') return 'failed'
  return event === 'lost' ? 'unknown' : null
}

function before({ event, source }: EventView): Life {
  // A start found out afterwards says nothing of what was before it.
  if (event === 'start' || event === 'restart') return source === 'reconcile' ? 'unknown' : 'stopped'
  return event === 'stop' || event === 'crash' || event === 'lost' ? 'running' : 'unknown'
}

function lifeOf({ active_state: state }: UnitView): Life {
  if (state === 'active' || state === 'reloading' || state === 'refreshing' || state === 'deactivating')
    return 'running'
  if (state === 'failed') return 'failed'
  return state === 'inactive' || state === 'activating' || state === 'unloaded' ? 'stopped' : 'unknown'
}

/** The spans cut to the strip, each different from the one before it; times that a clock set back out of order. */
function within(spans: readonly Span[], fromMs: number, toMs: number): Span[] {
  const cut: Span[] = []
  for (const span of spans) {
    const at = Math.max(span.fromMs, cut.at(-1)?.fromMs ?? fromMs, fromMs)
    if (at > toMs) break
    if (cut.at(-1)?.fromMs === at) cut.pop()
    if (cut.at(-1)?.life !== span.life) cut.push({ fromMs: at, life: span.life })
  }
  return cut
}

/** The strip in words, for those who do not see it: `last 24 hours: running 98%, failed 2%, 3 crashes`. */
export function stripText({ fromMs, toMs, spans, crashes }: Strip): string {
  const lasted: Record<Life, number> = { running: 0, stopped: 0, failed: 0, unknown: 0 }
  spans.forEach((span, i) => {
    lasted[span.life] += (spans[i + 1]?.fromMs ?? toMs) - span.fromMs
  })
  const names = { running: 'running', stopped: 'stopped', failed: 'failed', unknown: 'not known' } as const
  const shares = (Object.keys(names) as Life[])
    .filter((life) => lasted[life] > 0)
    .map((life) => `${names[life]} ${percent(lasted[life] / (toMs - fromMs))}`)
  return `last 24 hours: ${[...shares, plural(crashes, 'crash', 'crashes')].join(', ')}`
}

/** Never 0% of what was, nor 100% of what was not all. */
function percent(share: number): string {
  if (share > 0 && share < 0.01) return 'under 1%'
  return share < 1 && share > 0.99 ? 'over 99%' : `${Math.round(share * 100)}%`
}
