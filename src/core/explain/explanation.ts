// Explains why a unit crashed, stopped, or does not run: a few plain sentences, made only from what is known. Pure.
import type { CrashEvent, Event } from '../event.ts'
import { isAtRest } from '../unit-facts.ts'
import type { Json } from '../views/api-json.ts'
import { eventJson, type Identity } from '../views/api-json.ts'
import { type EventView, eventDetails } from '../views/event-text.ts'
import { durationText, plural } from '../views/format.ts'
import { causeClause } from './causes.ts'
import {
  type EndEvent,
  evidenceSentences,
  exitCodeSentences,
  isEnd,
  notKnown,
  timeText,
  whatHappened,
} from './end-sentences.ts'
import type { ExplanationInput } from './explanation-input.ts'
import { refusedSentence } from './refused-start.ts'
import { repeatedSentences } from './repeated.ts'
import { sourcesSentence } from './sources-sentence.ts'
import { advice, missingNeeds, nextSentences, notLoadable, skippedStart, stateSentence } from './state-sentences.ts'
import { type Timeline, type TimelineEntry, timelineOf } from './timeline.ts'

export interface Explanation {
  /** Null for an event of the agent itself. */
  readonly service: string | null
  /** The event that is explained; null if the state of the unit has none. */
  readonly event: Event | null
  readonly sentences: readonly string[]
  readonly timeline: Timeline
  /** Of the crashing thread, topmost first. */
  readonly frames: readonly string[]
}

/** What `explanationJson` makes, as clients read it. */
export interface ExplanationView {
  readonly service: string | null
  readonly event: EventView | null
  readonly sentences: readonly string[]
  readonly timeline: readonly TimelineEntry[]
  readonly timeline_left_out: number
  readonly frames?: readonly string[]
  readonly log?: readonly string[]
}

const RUNS: readonly string[] = ['active', 'reloading', 'refreshing']

export function explain(input: ExplanationInput, identity: Identity): Explanation {
  const subject = input.event === null ? subjectOf(input) : crashOf(input.event, input.history)
  const sentences = input.event === null ? unitSentences(input, subject) : eventSentences(input, subject ?? input.event)
  const frames = subject?.kind === 'crash' ? (subject.evidence?.coredump?.frames ?? []) : []
  const timeline = subject === null ? { entries: [], leftOut: 0 } : timelineOf(input.history, subject, identity)
  return { service: subject?.unit ?? input.name, event: subject, sentences, timeline, frames }
}

/** The documented shape. `log`: the last lines of the run, if the client may have them. */
export function explanationJson(explanation: Explanation, identity: Identity, log: readonly string[] | null): Json {
  const { service, event, sentences, timeline, frames } = explanation
  return {
    service,
    event: event && eventJson(event, identity),
    sentences,
    timeline: timeline.entries,
    timeline_left_out: timeline.leftOut,
    ...(frames.length > 0 && { frames }),
    ...(log !== null && { log }),
  }
}

/** The end to which evidence belongs, or the crash after which systemd gave up; else the event itself. */
function crashOf(event: Event, history: readonly Event[]): Event {
  if (event.kind === 'evidence') return history.find((one) => isEnd(one) && one.seq === event.of) ?? event
  if (event.kind !== 'gave_up') return event
  return history.findLast((one) => one.kind === 'crash' && one.unit === event.unit && one.seq < event.seq) ?? event
}

/** What matters most for the state of the unit now: of a unit that runs, its last crash. */
function subjectOf({ history, name, status }: ExplanationInput): Event | null {
  const own = history.filter(({ unit }) => unit === name)
  if (status !== null && RUNS.includes(status.activeState)) return own.findLast(({ kind }) => kind === 'crash') ?? null
  const last = own.findLast((event) => isEnd(event) || event.kind === 'start_refused') ?? null
  if (last?.kind !== 'start_refused' || last.result !== 'start-limit-hit') return last
  return own.findLast((event) => isEnd(event) && event.seq < last.seq) ?? last
}

function unitSentences(input: ExplanationInput, subject: Event | null): string[] {
  const { status } = input
  const broken = notLoadable(input)
  const end = subject !== null && isEnd(subject) ? subject : null
  if (status !== null && RUNS.includes(status.activeState))
    return [stateSentence(input), ...broken.slice(0, 1), ...survived(input, end), ...repeatedSentences(input, end)]
  if (broken.length > 0) return [stateSentence(input), ...broken, ...(end === null ? [] : endSentences(input, end))]
  const skipped = skippedStart(input)
  const story =
    end !== null ? endSentences(input, end) : subject?.kind === 'start_refused' ? [refusedSentence(subject, input)] : []
  const never = subject === null && skipped.length === 0 ? withoutEvent(input) : []
  const limitHit = isLimitHit(input)
  return [
    ...(skipped.length > 0 || end === null || !isAtRest(status?.activeState ?? '') ? [stateSentence(input)] : []),
    ...skipped,
    ...(skipped.length > 0 ? [] : story),
    ...never,
    ...repeatedSentences(input, end),
    ...missingNeeds(input),
    ...nextSentences(input, end, limitHit),
    ...advice(input, end, limitHit),
  ]
}

/** Of a unit that runs. */
function survived(input: ExplanationInput, crash: EndEvent | null): string[] {
  const { unit, name } = input
  if (crash !== null) return endSentences(input, crash, true)
  if (unit === null) return [`The agent does not watch ${name}, so it has no history of it.`]
  const crashes = unit.counters.crashes + unit.baseline.crashes
  if (crashes === 0) return ['The agent has counted no crash of it.']
  return [`The agent has counted ${plural(crashes, 'crash', 'crashes')} of it, but no longer has the events.`]
}

/** What is known of a unit that does not run, and of which there is no event. */
function withoutEvent(input: ExplanationInput): string[] {
  const { status, unit, name } = input
  const unwatched = unit === null ? [`The agent does not watch ${name}, so it has no history of it.`] : []
  if (status === null) return unwatched
  if (status.activeState === 'inactive' && !status.start.wasActive)
    return ['systemd has not started it in this boot.', ...unwatched]
  const { cause } = status
  if (cause === null) return unwatched
  const codes = exitCodeSentences(cause, undefined, programOf(input))
  return [`systemd reports how it failed: ${causeClause(cause, false)}.`, ...codes, ...unwatched]
}

function endSentences(input: ExplanationInput, end: EndEvent, survived = false): string[] {
  const crash: CrashEvent | null = end.kind === 'crash' ? end : null
  return [
    ...whatHappened(end, input, survived),
    ...(crash === null ? [] : evidenceSentences(crash, programOf(input))),
    ...notKnown(end, input.history),
    ...followed(end, input.history),
    ...(crash === null ? [] : sourcesSentence(crash, input.sources)),
  ]
}

/** The executable file of ExecStart=, for clients on this device. */
function programOf({ status, isLocal }: ExplanationInput): string | null {
  if (!isLocal) return null
  const line = status?.commands.find(({ setting }) => setting === 'ExecStart')?.line ?? ''
  const [program = ''] = line.split(' ')
  return program.startsWith('/') ? program : null
}

/** What happened next to the unit, as far as it was observed. */
function followed({ unit, seq, atMs, bootId }: EndEvent, history: readonly Event[]): string[] {
  const next = history.find((event) => event.unit === unit && event.seq > seq && isStartOrEnd(event))
  if (next === undefined || next.bootId !== bootId) return []
  const later = durationText(next.atMs - atMs)
  if (next.kind === 'restart') return [`It was restarted ${later} later.`]
  return next.kind === 'start' ? [`It was started again ${later} later.`] : []
}

function isStartOrEnd(event: Event): boolean {
  return event.kind === 'start' || event.kind === 'restart' || isEnd(event)
}

/** The last that is known of the unit: systemd refused to start it, because it was started too often. */
function isLimitHit({ history, name, status }: ExplanationInput): boolean {
  if (status?.activeState !== 'failed') return false
  if (status.cause?.result === 'start-limit-hit') return true
  const isOf = (event: Event) => event.unit === name && (event.kind === 'start_refused' || isStartOrEnd(event))
  const last = history.findLast(isOf)
  return last?.kind === 'start_refused' && last.result === 'start-limit-hit'
}

/** Of one event. What systemd will do next is said only of the last end. */
function eventSentences(input: ExplanationInput, event: Event): string[] {
  const { history, name, now } = input
  if (isEnd(event)) {
    const isLast = !history.some((one) => one.unit === event.unit && one.seq > event.seq && isStartOrEnd(one))
    const limitHit = isLast && isLimitHit(input)
    const next = isLast ? [...nextSentences(input, event, limitHit), ...advice(input, event, limitHit)] : []
    return [...endSentences(input, event), ...(isLast && input.status !== null ? next : [stateSentence(input)])]
  }
  if (event.kind === 'start_refused') return [refusedSentence(event, input), ...missingNeeds(input)]
  const details = eventDetails(eventJson(event, { gatewayId: '', machineId: '', stream: '' }) as unknown as EventView)
  const about = event.unit === null ? 'the agent' : name
  return [`${event.kind} of ${about} at ${timeText(event.atMs, now.wallMs)}: ${details}.`]
}
