// Holds what gatewatch counted and told against the truth, unit by unit. Pure; each difference is one sentence.
import type { Event } from '../../src/core/event.ts'
import type { Instant } from '../../src/core/observation.ts'
import { type State, unitOf } from '../../src/core/state.ts'
import { countersBalance } from '../../src/core/step.ts'
import type { Counters, Unit } from '../../src/core/unit.ts'
import { type AtRest, healthOf, restOf } from './compare-health.ts'
import type { Window } from './heard.ts'
import type { Run, RunEnd, Truth } from './truth.ts'

export interface Told {
  readonly state: State
  readonly events: readonly Event[]
  readonly neverProven: readonly string[]
  /** What was done, and when, in monotonic ms. */
  readonly actions: readonly Done[]
  /** When everything was heard; one endless window where the agent never went away. */
  readonly windows: readonly Window[]
  readonly problems: readonly string[]
  /** systemd's own words on each unit at the end. */
  readonly rest: ReadonlyMap<string, AtRest>
  readonly now: Instant
}

/** Units that systemd restarts, if at all, also after a clean end: nothing proves a crash of theirs that nobody saw. */
export function neverProven(watched: readonly string[], files: readonly Readonly<Record<string, string>>[]): string[] {
  return watched.filter((unit) => {
    const texts = files.map((of) => of[unit.replace(/@[^.]*/, '@')])
    return texts.every((text) => text !== undefined && !/^Restart=on-(failure|abnormal|abort|watchdog)$/m.test(text))
  })
}

export interface Done {
  readonly ms: number
  readonly text: string
}

/** Journal time is later than systemd's, a signal's too: an instant so close to a window's edge is not held to it. */
const EDGE_MS = 400

type StartEvent = Extract<Event, { kind: 'start' | 'restart' }>
type EndEvent = Extract<Event, { kind: 'stop' | 'crash' | 'lost' }>
type Ended = Exclude<EndEvent, { kind: 'lost' }>

export function differences(watched: readonly string[], truth: Truth, told: Told): string[] {
  const wholly = told.windows.length === 1 && told.windows[0]?.toMs === Infinity
  return [
    ...told.problems,
    ...watched.flatMap((name) => {
      const unit = unitOf(told.state, name)
      if (unit === undefined) return [`${name}: not in the state`]
      const runs = truth.units.get(name) ?? []
      const events = told.events.filter((event) => event.unit === name)
      const found = [
        ...law(unit),
        ...(wholly ? exact(unit, runs) : bounded(unit, runs, truth.countedTwice.get(name) ?? 0, told.actions)),
        ...openRun(unit, runs),
        ...(events.some((e) => e.kind === 'summary') || unit.burst?.summary
          ? []
          : runs.flatMap((run, i) => ofRun(run, i, events, told))),
        ...invented(events, runs),
        ...(told.neverProven.includes(name) ? guessed(events) : []),
        ...(wholly ? [...lastCause(unit, runs), ...healthOf(unit, runs, events, told.actions)] : []),
        ...restOf(unit, runs, told.rest.get(name), told.now),
      ]
      return found.map((sentence) => `${name}: ${sentence}`)
    }),
  ]
}

export function countersOf(runs: readonly Run[]): Counters {
  const ends = runs.flatMap((run) => (run.end ? [run.end.kind] : []))
  return {
    starts: runs.length,
    stops: ends.filter((kind) => kind === 'stop').length,
    crashes: ends.filter((kind) => kind === 'crash').length,
    restarts: runs.filter((run) => run.restart === true).length,
    lost: 0,
  }
}

function law(unit: Unit): string[] {
  return countersBalance(unit) ? [] : [`the law is broken: ${JSON.stringify(unit.counters)}`]
}

function exact(unit: Unit, runs: readonly Run[]): string[] {
  const truth = countersOf(runs)
  const unsure = runs.filter((run) => run.restart === null).length
  const { restarts, ...rest } = unit.counters
  const same =
    Object.entries(rest).every(([key, value]) => truth[key as keyof Counters] === value) &&
    restarts >= truth.restarts &&
    restarts <= truth.restarts + unsure
  return same ? [] : [`counted ${counts(unit.counters)}, in truth ${counts(truth)}`]
}

/** Nobody was there for all of it: nothing may be invented. */
function bounded(unit: Unit, runs: readonly Run[], twice: number, actions: readonly Done[]): string[] {
  const truth = countersOf(runs)
  const forgiven = runs.filter((run) => run.end && wasReset(run.end, actions)).length
  const unsure = runs.filter((run) => run.restart === null).length
  const { starts, stops, crashes, restarts } = truth
  const most = {
    starts: starts + twice,
    stops: stops + forgiven,
    crashes: crashes + twice,
    restarts: restarts + unsure + twice,
  }
  const over = (['starts', 'stops', 'crashes', 'restarts'] as const).filter((key) => unit.counters[key] > most[key])
  return over.map((key) => `${key} invented: counted ${counts(unit.counters)}, in truth ${counts(truth)}`)
}

function counts(c: Counters): string {
  return `${c.starts} starts, ${c.stops} stops, ${c.crashes} crashes, ${c.restarts} restarts, ${c.lost} lost`
}

function openRun(unit: Unit, runs: readonly Run[]): string[] {
  const open = runs.filter((run) => run.end === null).at(-1)?.id ?? null
  const held = unit.run?.id ?? null
  return open === held ? [] : [`runs as ${held}, in truth ${open}`]
}

/** A run that was surely heard is told exactly once, and so is its end, with its cause. */
function ofRun(run: Run, position: number, events: readonly Event[], { windows, actions }: Told): string[] {
  const inside = (ms: number) => windows.some((w) => ms - EDGE_MS > w.fromMs && ms + EDGE_MS < w.toMs)
  const opened = events.filter((e): e is StartEvent => isStart(e) && e.invocationId === run.id)
  const ended = events.filter((e): e is EndEvent => isEnd(e) && e.invocationId === run.id)
  const which = `run ${position + 1} (${run.id.slice(0, 6)})`
  const found: string[] = []
  if (opened.length > 1 || ended.length > 1) found.push(`${which} told ${opened.length} starts, ${ended.length} ends`)
  const endMs = run.end?.atMs ?? Infinity
  const met = windows.some((w) => run.openedMs + EDGE_MS < w.toMs && endMs - EDGE_MS > w.fromMs)
  if (met && opened.length === 0) found.push(`${which} was heard and not told`)
  if (run.end !== null && inside(run.end.atMs) && ended.length === 0) found.push(`the end of ${which} was not told`)
  if (run.restart !== null && inside(run.openedMs) && opened[0] && (opened[0].kind === 'restart') !== run.restart) {
    found.push(`${which} told as ${opened[0].kind}, in truth ${run.restart ? 'a restart' : 'a start'}`)
  }
  for (const end of ended) {
    if (run.end === null) found.push(`${which} told as ended (${end.kind}), but it goes on`)
    else if (end.kind === 'stop' && end.source === 'reconcile' && wasReset(run.end, actions)) continue
    else if (end.kind !== 'lost') found.push(...cause(which, run.end, end), ...asked(which, run.end, end, actions))
    else if (inside(run.end.atMs) && inside(run.openedMs)) found.push(`${which} told as lost, but it was heard`)
  }
  return found
}

/**
 * systemd ended it for a time-out and it went cleanly, and reset-failed took the Result away: whoever was not there can
 * only take it for a stop.
 */
function wasReset(end: RunEnd, actions: readonly Done[]): boolean {
  const cleanly = end.main?.exitCode === 0 || /^SIG(TERM|HUP|INT|PIPE)$/.test(end.main?.signal ?? '')
  return (
    end.kind === 'crash' &&
    (cleanly || end.main === null) &&
    actions.some(({ ms, text }) => text.includes('reset-failed') && ms + EDGE_MS > end.atMs)
  )
}

function cause(which: string, truth: RunEnd, told: Ended): string[] {
  const found: string[] = []
  // Proven by NRestarts: so many crashes there were, though not surely of this very run (a restart by hand resets it).
  const unknown = told.source === 'reconcile' && told.kind === 'crash' && told.result === 'unknown'
  if (unknown) return found
  if (told.kind !== truth.kind) found.push(`${which} told as ${told.kind} (${told.result}), in truth ${truth.result}`)
  else if (told.result !== truth.result && !/\.(target|slice)$/.test(which)) {
    found.push(`${which} ended with ${truth.result}, told as ${told.result}`)
  }
  // Of a main process that went cleanly the journal has no line: whoever was not there does not know how.
  const unsaid = told.source === 'reconcile' && told.exitCode === null && told.signal === null
  if (truth.main && !unsaid && (told.exitCode !== truth.main.exitCode || told.signal !== truth.main.signal)) {
    found.push(`${which}: main process ${JSON.stringify(truth.main)}, told ${told.exitCode} ${told.signal}`)
  }
  return found
}

/** A start job that comes while a run ends of itself counts as a request: the bus tells no job's type. */
function asked(which: string, truth: RunEnd, told: Ended, actions: readonly Done[]): string[] {
  if (told.source !== 'signal' || truth.requested === null || told.requested === truth.requested) return []
  const late = actions.some(({ ms, text }) => ms < truth.atMs && ms > truth.atMs - ASKED_MS && text.includes(told.unit))
  const byOthers = /^k-(timer|socket|pair)/.test(told.unit)
  if (told.requested && (late || byOthers)) return []
  return [`${which}: requested ${truth.requested}, told ${told.requested}`]
}

const ASKED_MS = 2_500

function guessed(events: readonly Event[]): string[] {
  const unknown = events.filter((event) => event.kind === 'crash' && event.result === 'unknown')
  return unknown.length === 0 ? [] : [`${unknown.length} crashes guessed, nothing proves them`]
}

/** Every id told is one of the journal's. */
function invented(events: readonly Event[], runs: readonly Run[]): string[] {
  const known = new Set(runs.map((run) => run.id))
  return events.flatMap((event) =>
    (isStart(event) || isEnd(event)) && event.invocationId !== null && !known.has(event.invocationId)
      ? [`${event.kind} of a run that never was: ${event.invocationId}`]
      : [],
  )
}

function lastCause(unit: Unit, runs: readonly Run[]): string[] {
  const last = runs.findLast((run) => run.end?.kind === 'crash')?.end ?? null
  const held = unit.lastCrash?.cause ?? null
  if (last === null || held === null) return last === held ? [] : ['has a last crash, or misses one']
  const { result, exitCode, signal } = held
  const same = result === last.result && (last.main === null || same2(last.main, { exitCode, signal }))
  return same ? [] : [`last crash ${JSON.stringify(held)}, in truth ${JSON.stringify(last)}`]
}

type Main = { readonly exitCode: number | null; readonly signal: string | null }

function same2(a: Main, b: Main): boolean {
  return a.exitCode === b.exitCode && a.signal === b.signal
}

function isStart(event: Event): event is StartEvent {
  return event.kind === 'start' || event.kind === 'restart'
}

function isEnd(event: Event): event is EndEvent {
  return event.kind === 'stop' || event.kind === 'crash' || event.kind === 'lost'
}
