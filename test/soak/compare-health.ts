// What the operator wants to know, held against the truth: forecasts, giving up, flapping, summaries, times. Pure.
import type { Event } from '../../src/core/event.ts'
import type { Instant } from '../../src/core/observation.ts'
import { addCounters, type Counters, changedAtMs, type Unit, ZERO } from '../../src/core/unit.ts'
import type { Done } from './compare.ts'
import type { Run } from './truth.ts'

/** A unit at the end, in systemd's own words, and the instant at which they were read. */
export interface AtRest {
  readonly activeState: string
  /** CLOCK_MONOTONIC, ms. */
  readonly changedMs: number
}

/** A journal line is later than what it tells of; RestartSec= is 400 ms at most here. */
const SOON_MS = 10_000
/** Half a second after a daemon-reload the settings are read again; the machine is busy. */
const REREAD_WITHIN_MS = 3000
/** Before the end nothing is sure to have been restarted yet on a busy machine. */
const AT_THE_END_MS = 60_000
const FLAP_CRASHES = 5
/** systemd's times are its own, ours are of when it was read. */
const SAME_TIME_MS = 50

/** Of a unit that was heard all the time. */
export function healthOf(
  unit: Unit,
  runs: readonly Run[],
  events: readonly Event[],
  actions: readonly Done[],
): string[] {
  const summarised = unit.burst?.summary != null || events.some((event) => event.kind === 'summary')
  return [
    ...forecasts(unit.name, runs, events, actions),
    ...(summarised ? [] : givenUp(unit.name, runs, events, actions)),
    ...flapping(unit, runs, events),
    ...summed(unit, events),
  ]
}

/** A crash told with `willRestart` is followed by a restart, or not, unless someone meddled with the unit. */
function forecasts(name: string, runs: readonly Run[], events: readonly Event[], actions: readonly Done[]): string[] {
  return events.flatMap((event) => {
    if (event.kind !== 'crash' || event.willRestart === null) return []
    const position = runs.findIndex((run) => run.id === event.invocationId)
    const run = runs[position]
    if (run?.end == null || actions.some((done) => meddles(done, name, run.end?.atMs ?? 0))) return []
    const next = runs[position + 1]
    // The line that announces it may be missing: then whatever came next is taken for it.
    const wrong = event.willRestart ? !run.scheduled && next === undefined : run.scheduled
    if (wrong)
      return [`run ${position + 1} (${run.id.slice(0, 6)}) told willRestart ${event.willRestart}, but it was not so`]
    return []
  })
}

/** Its file or its state were changed before or while systemd waited to restart it; the end of the soak stops everything. */
function meddles({ ms, text }: Done, name: string, endedMs: number): boolean {
  if (edits({ text }, name)) return ms < endedMs + SOON_MS
  if (text === 'rest' && ms < endedMs + AT_THE_END_MS) return true
  const touches = text.includes(name) || text.includes('daemon-re') || text === 'systemctl reset-failed'
  return touches && ms > endedMs - SOON_MS && ms < endedMs + SOON_MS
}

function edits({ text }: Pick<Done, 'text'>, name: string): boolean {
  return text.includes('$ETC') && text.includes(name.replace(/@[^.]*/, '@'))
}

/** A unit that gave up is not restarted by systemd, but for one whose settings were edited and are not read again yet. */
function givenUp(name: string, runs: readonly Run[], events: readonly Event[], actions: readonly Done[]): string[] {
  return events.flatMap((event, i) => {
    if (event.kind !== 'gave_up') return []
    const last = events.slice(0, i).findLast((e) => e.kind === 'crash' || e.kind === 'stop')
    const ended = runs.findIndex((run) => last !== undefined && 'invocationId' in last && run.id === last.invocationId)
    const next = runs[ended + 1]
    const restarted = ended >= 0 && next?.restart === true && next.automatic
    const endedMs = runs[ended]?.end?.atMs ?? 0
    const edited = actions.some((done) => edits(done, name) && Math.abs(done.ms - endedMs) < REREAD_WITHIN_MS)
    return restarted && !edited ? [`told gave_up after run ${ended + 1}, and systemd restarted it`] : []
  })
}

/** Everything happened within one window. */
function flapping(unit: Unit, runs: readonly Run[], events: readonly Event[]): string[] {
  const crashes = runs.filter((run) => run.end?.kind === 'crash')
  const surely = crashes.filter((run) => run.end?.requested === false).length
  const perhaps = crashes.filter((run) => run.end?.requested !== true).length
  const told = events.filter((event) => event.kind === 'flapping').length
  const wrong = unit.flapping ? perhaps < FLAP_CRASHES : surely >= FLAP_CRASHES
  return wrong || told !== (unit.flapping ? 1 : 0)
    ? [`flapping ${unit.flapping} (told ${told}) of ${surely} crashes`]
    : []
}

/** Each start and each end is an event of its own or in a summary: never both, never neither. */
function summed(unit: Unit, events: readonly Event[]): string[] {
  const told = events.map((event): Partial<Counters> => {
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
  const waiting = unit.burst?.summary?.counted ?? ZERO
  const sum = told.reduce<Counters>((all, one) => addCounters(all, { ...ZERO, ...one }), waiting)
  const same = (Object.keys(ZERO) as (keyof Counters)[]).every((key) => sum[key] === unit.counters[key])
  return same ? [] : [`events tell ${JSON.stringify(sum)}, counters ${JSON.stringify(unit.counters)}`]
}

/** At rest: failed for good is given up, and the time of the last change is systemd's, whatever the clock did. */
export function restOf(unit: Unit, runs: readonly Run[], rest: AtRest | undefined, now: Instant): string[] {
  // Of what is unloaded systemd knows nothing. It moved once more since (what systemd was asked for was on its way): this says nothing then.
  if (
    rest === undefined ||
    rest.changedMs === 0 ||
    (unit.snapshot?.changedAtMonoMs ?? 0) > rest.changedMs + SAME_TIME_MS
  )
    return []
  const found: string[] = []
  const asked = runs.at(-1)?.end?.requested !== false
  if (rest.activeState === 'failed' ? !unit.gaveUp && !asked : unit.gaveUp)
    found.push(`gave up ${unit.gaveUp}, and systemd says ${rest.activeState}`)
  const shown = changedAtMs(unit, now)
  if (unit.snapshot !== null && unit.snapshot.changedAtMonoMs > 0 && shown !== null && rest.changedMs > 0) {
    const wrong = Math.abs(now.wallMs - shown - (now.monoMs - rest.changedMs))
    if (wrong > SAME_TIME_MS) found.push(`last change told ${Math.round(wrong)} ms off`)
  }
  return found
}
