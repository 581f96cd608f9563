// Compares what the agent counted and reported with the expected runs, unit by unit; each difference is one sentence. Pure.
import type { Event } from '../../src/core/event.ts'
import type { Instant } from '../../src/core/observation.ts'
import { type State, unitOf } from '../../src/core/state.ts'
import type { Counters, Unit } from '../../src/core/unit.ts'
import { countersBalance } from '../../src/core/unit-facts.ts'
import { plural } from '../../src/core/views/format.ts'
import type { ObservedInterval } from './agent-under-test.ts'
import { checkCause, checkRequested, wasReset } from './compare-ends.ts'
import { checkFinalState, checkHealth, type FinalState } from './compare-health.ts'
import { neverFound, unitNames } from './compared-units.ts'
import type { ExpectedRuns, Run } from './expected.ts'
import type { PerformedAction } from './plan.ts'

export interface AgentRecord {
  readonly state: State
  readonly events: readonly Event[]
  readonly unprovable: readonly string[]

  readonly actions: readonly PerformedAction[]
  /** When the agent received every signal. */
  readonly intervals: readonly ObservedInterval[]
  /** There was a time in which it did not. */
  readonly interrupted: boolean
  readonly problems: readonly string[]
  /** Each unit at the end, as systemd shows it. */
  readonly finalStates: ReadonlyMap<string, FinalState>
  readonly now: Instant
}

/** Journal lines and signals carry later times than systemd's own: anything this close to the edge of an interval is not checked. */
const EDGE_MS = 400

type StartEvent = Extract<Event, { kind: 'start' | 'restart' }>
type EndEvent = Extract<Event, { kind: 'stop' | 'crash' | 'lost' }>

export function differences(watched: readonly string[], expected: ExpectedRuns, record: AgentRecord): string[] {
  const uninterrupted = !record.interrupted
  return [
    ...record.problems,
    ...unitNames(watched, expected, record.state).flatMap((name) => {
      const unit = unitOf(record.state, name)
      const runs = expected.units.get(name) ?? []
      if (unit === undefined)
        return !watched.includes(name) && neverFound(runs, record.interrupted, record.actions)
          ? []
          : [`${name}: not in the state`]
      const events = record.events.filter((event) => event.unit === name)
      const sentences = [
        ...checkBalance(unit),
        ...(uninterrupted
          ? checkExact(unit, runs)
          : checkBounds(unit, runs, expected.countedTwice.get(name) ?? 0, record.actions)),
        ...checkOpenRun(unit, runs),
        ...(events.some((e) => e.kind === 'summary') || unit.burst?.summary
          ? []
          : runs.flatMap((run, i) => [
              ...checkRun(run, i, events, record),
              ...checkLabel(run, runs[i - 1], i, events, record),
            ])),
        ...checkInvented(events, runs),
        ...(record.unprovable.includes(name) ? checkGuessed(events) : []),
        ...(uninterrupted ? checkRefused(unit, expected.dependencyFailed.get(name) ?? 0) : []),
        ...(uninterrupted ? [...checkLastCause(unit, runs), ...checkHealth(unit, runs, events, record.actions)] : []),
        ...checkFinalState(unit, runs, record.finalStates.get(name), record.now),
      ]
      return sentences.map((sentence) => `${name}: ${sentence}`)
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

function checkBalance(unit: Unit): string[] {
  return countersBalance(unit) ? [] : [`the counters do not balance: ${JSON.stringify(unit.counters)}`]
}

function checkExact(unit: Unit, runs: readonly Run[]): string[] {
  const expected = countersOf(runs)
  const unsure = runs.filter((run) => run.restart === null).length
  const { restarts, ...rest } = unit.counters
  const same =
    Object.entries(rest).every(([key, value]) => expected[key as keyof Counters] === value) &&
    restarts >= expected.restarts &&
    restarts <= expected.restarts + unsure
  return same ? [] : [`counted ${counts(unit.counters)}, expected ${counts(expected)}`]
}

function checkRefused({ startJobsFailed }: Unit, expected: number): string[] {
  const { dependency: counted = 0 } = startJobsFailed
  return counted === expected ? [] : [`counted ${counted} starts refused for a dependency, expected ${expected}`]
}

/** The agent was interrupted: it may miss runs, but must not invent any. */
function checkBounds(unit: Unit, runs: readonly Run[], twice: number, actions: readonly PerformedAction[]): string[] {
  const expected = countersOf(runs)
  const resetEnds = runs.filter((run) => run.end && wasReset(run.end, actions)).length
  const unsure = runs.filter((run) => run.restart === null).length
  const { starts, stops, crashes, restarts } = expected
  const most = {
    starts: starts + twice,
    stops: stops + resetEnds,
    crashes: crashes + twice,
    restarts: restarts + unsure + twice,
  }
  const over = (['starts', 'stops', 'crashes', 'restarts'] as const).filter((key) => unit.counters[key] > most[key])
  return over.map((key) => `${key} too high: counted ${counts(unit.counters)}, expected ${counts(expected)}`)
}

function counts(c: Counters): string {
  return `${c.starts} starts, ${c.stops} stops, ${c.crashes} crashes, ${c.restarts} restarts, ${c.lost} lost`
}

function checkOpenRun(unit: Unit, runs: readonly Run[]): string[] {
  const open = runs.filter((run) => run.end === null).at(-1)?.id ?? null
  const reported = unit.run?.id ?? null
  return open === reported ? [] : [`open run is ${reported}, expected ${open}`]
}

/** A run within an observed interval is reported exactly once, and so is its end with its cause. */
function checkRun(run: Run, position: number, events: readonly Event[], { intervals, actions }: AgentRecord): string[] {
  const inside = (ms: number) => isObserved(ms, intervals)
  const opened = events.filter((e): e is StartEvent => isStart(e) && e.invocationId === run.id)
  const ended = events.filter((e): e is EndEvent => isEnd(e) && e.invocationId === run.id)
  const which = runText(run, position)
  const problems: string[] = []
  if (opened.length > 1 || ended.length > 1)
    problems.push(`${which} was reported with ${plural(opened.length, 'start')} and ${plural(ended.length, 'end')}`)
  const endMs = run.end?.atMs ?? Infinity
  const observed = intervals.some((w) => run.openedMs + EDGE_MS < w.toMs && endMs - EDGE_MS > w.fromMs)
  if (observed && opened.length === 0) problems.push(`${which} was observed but not reported`)
  if (run.end !== null && inside(run.end.atMs) && ended.length === 0)
    problems.push(`the end of ${which} was not reported`)
  // The agent can know of a request that it missed only from the journal.
  const missedRequest = run.stoppingMs !== null && !inside(run.stoppingMs)
  for (const end of ended) {
    if (run.end === null) problems.push(`${which} was reported as ended (${end.kind}), but it is still running`)
    else if (end.kind === 'stop' && end.source === 'reconcile' && wasReset(run.end, actions)) continue
    else if (end.kind !== 'lost')
      problems.push(
        ...checkCause(which, run.end, end, actions),
        ...(missedRequest ? [] : checkRequested(which, run.end, end, actions)),
      )
    else if (inside(run.end.atMs) && inside(run.openedMs))
      problems.push(`${which} was reported as lost, but it was observed`)
  }
  return problems
}

/**
 * A start within an observed interval is a `start` or a `restart`. If the stop of a restart job was missed, the job looks
 * like a start job: systemd has turned it into one.
 */
function checkLabel(
  run: Run,
  previous: Run | undefined,
  position: number,
  events: readonly Event[],
  { intervals }: AgentRecord,
): string[] {
  const opened = events.find((e): e is StartEvent => isStart(e) && e.invocationId === run.id)
  if (run.restart === null || !opened || !isObserved(run.openedMs, intervals)) return []
  const missedJob = run.restart && !run.automatic && !isObserved(previous?.end?.atMs ?? 0, intervals)
  if (missedJob || (opened.kind === 'restart') === run.restart) return []
  return [`${runText(run, position)} was reported as ${opened.kind}, expected ${run.restart ? 'restart' : 'start'}`]
}

function runText(run: Run, position: number): string {
  return `run ${position + 1} (${run.id.slice(0, 6)})`
}

function isObserved(ms: number, intervals: readonly ObservedInterval[]): boolean {
  return intervals.some((w) => ms - EDGE_MS > w.fromMs && ms + EDGE_MS < w.toMs)
}

function checkGuessed(events: readonly Event[]): string[] {
  const unknown = events.filter((event) => event.kind === 'crash' && event.result === 'unknown')
  return unknown.length === 0 ? [] : [`${plural(unknown.length, 'crash', 'crashes')} without proof`]
}

/** Every reported invocation id is in the journal. */
function checkInvented(events: readonly Event[], runs: readonly Run[]): string[] {
  const known = new Set(runs.map((run) => run.id))
  return events.flatMap((event) =>
    (isStart(event) || isEnd(event)) && event.invocationId !== null && !known.has(event.invocationId)
      ? [`${event.kind} of a run that did not exist: ${event.invocationId}`]
      : [],
  )
}

function checkLastCause(unit: Unit, runs: readonly Run[]): string[] {
  const last = runs.findLast((run) => run.end?.kind === 'crash')?.end ?? null
  const reported = unit.lastCrash?.cause ?? null
  if (last === null || reported === null)
    return last === reported ? [] : ['the last crash is missing, or should not exist']
  const { result, exitCode, signal } = reported
  const same =
    [last.result, last.firstBad].includes(result) && (last.main === null || sameExit(last.main, { exitCode, signal }))
  return same ? [] : [`last crash ${JSON.stringify(reported)}, expected ${JSON.stringify(last)}`]
}

type MainExit = { readonly exitCode: number | null; readonly signal: string | null }

function sameExit(a: MainExit, b: MainExit): boolean {
  return a.exitCode === b.exitCode && a.signal === b.signal
}

function isStart(event: Event): event is StartEvent {
  return event.kind === 'start' || event.kind === 'restart'
}

function isEnd(event: Event): event is EndEvent {
  return event.kind === 'stop' || event.kind === 'crash' || event.kind === 'lost'
}
