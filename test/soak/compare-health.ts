// Compares the agent's health data with the expected runs: restart forecasts, gave up, flapping, summaries, times. Pure.
import type { Event } from '../../src/core/event.ts'
import type { Instant } from '../../src/core/observation.ts'
import { addCounters, type Counters, type Unit, ZERO } from '../../src/core/unit.ts'
import { plural } from '../../src/core/views/format.ts'
import type { Run } from './expected.ts'
import type { PerformedAction } from './plan.ts'

/** A unit at the end of the test, as systemd shows it. */
export interface FinalState {
  readonly activeState: string
  /** CLOCK_MONOTONIC, ms. */
  readonly changedMs: number
}

/** Covers the delay of journal lines and RestartSec=, which is at most 400 ms here. */
const NEARBY_MS = 10_000
/** The agent rereads the settings half a second after a daemon-reload; on a busy machine that takes longer. */
const REREAD_WITHIN_MS = 3000
/** On a busy machine, a restart may not have happened yet when the test ends. */
const BEFORE_END_MS = 60_000
const FLAP_CRASHES = 5
/** systemd stamps a change itself; the agent takes the time of reading. */
const SAME_TIME_MS = 50

/** For a unit whose signals were all received. */
export function checkHealth(
  unit: Unit,
  runs: readonly Run[],
  events: readonly Event[],
  actions: readonly PerformedAction[],
): string[] {
  const summarised = unit.burst?.summary != null || events.some((event) => event.kind === 'summary')
  return [
    ...checkForecasts(unit.name, runs, events, actions),
    ...(summarised ? [] : checkGaveUp(unit.name, runs, events, actions)),
    ...checkFlapping(unit, runs, events),
    ...checkSummaries(unit, events),
  ]
}

/** Whether a restart follows a crash must match its `willRestart`, unless an action interfered with the unit. */
function checkForecasts(
  name: string,
  runs: readonly Run[],
  events: readonly Event[],
  actions: readonly PerformedAction[],
): string[] {
  return events.flatMap((event) => {
    if (event.kind !== 'crash' || event.willRestart === null) return []
    const position = runs.findIndex((run) => run.id === event.invocationId)
    const run = runs[position]
    if (run?.end == null || actions.some((done) => interferes(done, name, run.end?.atMs ?? 0))) return []
    const next = runs[position + 1]
    // The journal line that announces the restart may be missing: any next run then counts as one.
    const wrong = event.willRestart ? !run.scheduled && next === undefined : run.scheduled
    if (wrong)
      return [
        `run ${position + 1} (${run.id.slice(0, 6)}) was reported with willRestart ${event.willRestart}, which was wrong`,
      ]
    return []
  })
}

/** The action changed the unit's file or state around the time of its restart; the end of the test stops everything. */
function interferes({ ms, text }: PerformedAction, name: string, endedMs: number): boolean {
  if (edits({ text }, name)) return ms < endedMs + NEARBY_MS
  if (text === 'rest' && ms < endedMs + BEFORE_END_MS) return true
  const touches = text.includes(name) || text.includes('daemon-re') || text === 'systemctl reset-failed'
  return touches && ms > endedMs - NEARBY_MS && ms < endedMs + NEARBY_MS
}

function edits({ text }: Pick<PerformedAction, 'text'>, name: string): boolean {
  return text.includes('$ETC') && text.includes(name.replace(/@[^.]*/, '@'))
}

/** systemd does not restart a unit that gave up, except one whose edited settings the agent has not reread yet. */
function checkGaveUp(
  name: string,
  runs: readonly Run[],
  events: readonly Event[],
  actions: readonly PerformedAction[],
): string[] {
  return events.flatMap((event, i) => {
    if (event.kind !== 'gave_up') return []
    const last = events.slice(0, i).findLast((e) => e.kind === 'crash' || e.kind === 'stop')
    const ended = runs.findIndex((run) => last !== undefined && 'invocationId' in last && run.id === last.invocationId)
    const next = runs[ended + 1]
    const restarted = ended >= 0 && next?.restart === true && next.automatic
    const endedMs = runs[ended]?.end?.atMs ?? 0
    const edited = actions.some((done) => edits(done, name) && Math.abs(done.ms - endedMs) < REREAD_WITHIN_MS)
    return restarted && !edited ? [`reported as gave_up after run ${ended + 1}, but systemd restarted it`] : []
  })
}

/** The whole test fits into one flapping window. */
function checkFlapping(unit: Unit, runs: readonly Run[], events: readonly Event[]): string[] {
  const crashes = runs.filter((run) => run.end?.kind === 'crash')
  const unrequested = crashes.filter((run) => run.end?.requested === false).length
  const possiblyUnrequested = crashes.filter((run) => run.end?.requested !== true).length
  const reported = events.filter((event) => event.kind === 'flapping').length
  const wrong = unit.flapping ? possiblyUnrequested < FLAP_CRASHES : unrequested >= FLAP_CRASHES
  return wrong || reported !== (unit.flapping ? 1 : 0)
    ? [`flapping ${unit.flapping} (${plural(reported, 'event')}) of ${unrequested} crashes`]
    : []
}

/** Each start and each end is either an event of its own or part of a summary. */
function checkSummaries(unit: Unit, events: readonly Event[]): string[] {
  const counted = events.map((event): Partial<Counters> => {
    switch (event.kind) {
      case 'summary':
        return event.counted
      case 'start':
        return { starts: 1 }
      case 'restart':
        return { starts: 1, restarts: 1 }
      case 'stop':
        return { stops: 1 }
      case 'crash':
        return { crashes: 1 }
      case 'lost':
        return { lost: 1 }
      default:
        return {}
    }
  })
  const pending = unit.burst?.summary?.counted ?? ZERO
  const sum = counted.reduce<Counters>((all, one) => addCounters(all, { ...ZERO, ...one }), pending)
  const same = (Object.keys(ZERO) as (keyof Counters)[]).every((key) => sum[key] === unit.counters[key])
  return same ? [] : [`events add up to ${JSON.stringify(sum)}, counters ${JSON.stringify(unit.counters)}`]
}

/** At the end: a unit that systemd shows as failed has given up, and the time of its last change is systemd's in spite of clock changes. */
export function checkFinalState(
  unit: Unit,
  runs: readonly Run[],
  final: FinalState | undefined,
  now: Instant,
): string[] {
  // Not comparable if the unit is unloaded, or if it has changed since the final state was read.
  if (
    final === undefined ||
    final.changedMs === 0 ||
    (unit.snapshot?.changedAtMonoMs ?? 0) > final.changedMs + SAME_TIME_MS
  )
    return []
  const problems: string[] = []
  const requested = runs.at(-1)?.end?.requested !== false
  if (final.activeState === 'failed' ? !unit.gaveUp && !requested : unit.gaveUp)
    problems.push(`gave up ${unit.gaveUp}, but systemd shows ${final.activeState}`)
  const shown = unit.changedAtMs
  if (unit.snapshot !== null && unit.snapshot.changedAtMonoMs > 0 && shown !== null && final.changedMs > 0) {
    const wrong = Math.abs(now.wallMs - shown - (now.monoMs - final.changedMs))
    if (wrong > SAME_TIME_MS) problems.push(`time of the last change is ${Math.round(wrong)} ms off`)
  }
  return problems
}
