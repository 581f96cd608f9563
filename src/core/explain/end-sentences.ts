// Sentences about the end of a run: what happened, why as far as it is proven, and what is not known.
import type { CrashEvent, Event } from '../event.ts'
import { bytesText, durationText, isClockUnset, plural } from '../views/format.ts'
import { causeClause, isExecFailure, isFault, signalText } from './causes.ts'
import type { After, Because, Cause, Evidence } from './evidence.ts'
import { exitCodeText, systemdExitCode } from './exit-codes.ts'
import type { ExplanationInput } from './explanation-input.ts'

export type EndEvent = Extract<Event, { readonly kind: 'crash' | 'stop' | 'lost' }>

export function isEnd(event: Event): event is EndEvent {
  return event.kind === 'crash' || event.kind === 'stop' || event.kind === 'lost'
}

/** `2026-11-20 10:15:23Z (2 min ago)`, to follow "at". */
export function timeText(atMs: number, nowMs: number): string {
  if (isClockUnset(atMs) && !isClockUnset(nowMs)) return 'an unknown time (the clock was not set)'
  const at = `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')}Z`
  return nowMs < atMs ? at : `${at} (${durationText(nowMs - atMs)} ago)`
}

/** What happened, and what brought it down. `survived`: the unit runs again. */
export function whatHappened(end: EndEvent, { history, now }: ExplanationInput, survived: boolean): string[] {
  const { because, after } = end
  const at = timeText(end.atMs, now.wallMs)
  const first = because === undefined ? [firstSentence(end, at, survived)] : becauseSentences(because, end, at, history)
  return after === undefined ? first : [...first, afterSentence(after)]
}

function firstSentence(end: EndEvent, at: string, survived: boolean): string {
  const { unit } = end
  if (end.kind === 'lost') return `A run of ${unit} ended while it was not observed; this was detected at ${at}.`
  const clause = causeClause(end, end.requested)
  if (end.kind === 'stop')
    return end.requested
      ? `${unit} was stopped on request at ${at}: a stop or restart job was queued while it was running. It did not fail.`
      : `${unit} ended by itself at ${at}, and did not fail: ${clause}.`
  if (end.requested) return `${unit} was stopped on request at ${at}, but did not end cleanly: ${clause}.`
  return survived ? `It last survived a crash at ${at}: ${clause}.` : `${unit} crashed at ${at}: ${clause}.`
}

/** By relation, about the unit `it`, to follow the name of the other unit. */
const RELATIONS: Readonly<Record<string, string>> = {
  BindsTo: 'to which it is bound (BindsTo=)',
  Requires: 'which it requires (Requires=)',
  Requisite: 'which it requires (Requisite=)',
  PartOf: 'of which it is part (PartOf=)',
  Conflicts: 'with which it conflicts (Conflicts=)',
  StopPropagatedFrom: 'whose stop is propagated to it (StopPropagatedFrom=)',
  Upholds: 'which upholds it (Upholds=)',
}

function becauseSentences({ unit, relation }: Because, end: EndEvent, at: string, history: readonly Event[]): string[] {
  const how = Object.hasOwn(RELATIONS, relation) ? RELATIONS[relation] : `related by ${relation}=`
  const first = `${end.unit} was stopped at ${at} because of ${unit}, ${how}.`
  const unclean = end.kind === 'crash' ? [`It did not end cleanly: ${causeClause(end, end.requested)}.`] : []
  if (relation === 'Conflicts') return [first, `${unit} was started.`, ...unclean]
  const other = endOf(unit, end, history)
  return [first, ...(other === undefined ? [] : [`${unit} ${howItEnded(other)}.`]), ...unclean]
}

/** The end of the unit that is closest in time, at most a few seconds away: a stop can take long. */
function endOf(unit: string, { atMs, bootId }: EndEvent, history: readonly Event[]): EndEvent | undefined {
  const ends = history.filter(isEnd).filter((event) => event.unit === unit && event.bootId === bootId)
  const distance = (event: EndEvent) => Math.abs(event.atMs - atMs)
  const nearest = ends.toSorted((a, b) => distance(a) - distance(b))[0]
  return nearest !== undefined && distance(nearest) <= CLOSE_MS ? nearest : undefined
}

/** The jobs of one transaction may wait for each other's stop. */
const CLOSE_MS = 10_000

function howItEnded(end: EndEvent): string {
  if (end.kind === 'lost') return 'ended while it was not observed'
  if (end.because !== undefined) return `was stopped because of ${end.because.unit}`
  if (end.requested) return 'was stopped on request'
  return `${end.kind === 'crash' ? 'crashed' : 'ended by itself'}: ${causeClause(end, false)}`
}

/** A coincidence, stated as such. */
function afterSentence({ unit, event, ms }: After): string {
  const what = event === 'crash' ? 'crashed' : event === 'stop' ? 'was stopped or ended' : 'ended unobserved'
  return `${unit} ${what} ${durationText(ms)} before. It may be related, because this unit depends on it or starts after it; nothing proves it.`
}

/** What the evidence adds. `program`: the executable file, null if it is not to be named. */
export function evidenceSentences(crash: CrashEvent, program: string | null): string[] {
  const e = crash.evidence ?? {}
  return [
    ...exitCodeSentences(crash, e.ranMs, program),
    ...ranSentence(e),
    ...oomSentence(e),
    ...memorySentence(e),
    ...coredumpSentence(e),
    ...(e.statusText === undefined ? [] : [`The last status that it reported: ${JSON.stringify(e.statusText)}.`]),
    ...changedSentence(e),
    ...frequencySentence(e),
  ]
}

/** systemd's own exit codes. A program can exit with one of them, too. */
export function exitCodeSentences(cause: Cause, ranMs: number | undefined, program: string | null): string[] {
  const { result, exitCode } = cause
  const code = result === 'exit-code' && exitCode !== null ? systemdExitCode(exitCode) : null
  if (code === null || exitCode === null) return []
  const meaning = `${exitCodeText(exitCode)} is the code by which systemd reports that it ${code.what}`
  if (!isExecFailure(cause, ranMs)) return [`${meaning}; the program itself can return it, too.`]
  const which = code.name === 'EXEC' && program !== null ? [`The program is ${program}.`] : []
  return [`${meaning}.`, ...which]
}

function ranSentence({ ranMs, firstRunOfBoot }: Evidence): string[] {
  const first = firstRunOfBoot ? 'It was the first run of the unit in this boot' : null
  if (ranMs === undefined) return first === null ? [] : [`${first}.`]
  const lasted = durationText(ranMs)
  return [first === null ? `The run had lasted ${lasted}.` : `${first}, and lasted ${lasted}.`]
}

function oomSentence({ oom }: Evidence): string[] {
  if (oom === undefined) return []
  const by = oom.by === 'kernel' ? 'The kernel' : 'systemd-oomd'
  const size = oom.bytes === undefined ? '' : ` (${bytesText(oom.bytes)} resident)`
  const limit =
    oom.limitOf === undefined
      ? 'memory ran out'
      : oom.limitOf === 'system'
        ? 'the memory of the gateway was used up'
        : `the memory limit of ${oom.limitOf} was reached`
  return [`${by} killed ${oom.process ?? 'a process'}${size}, because ${limit}.`]
}

function memorySentence({ memory, resources }: Evidence): string[] {
  const peak = memory?.peak ?? resources?.memoryPeak
  const seen = memory?.lastSeen
  const used = [
    ...(peak !== undefined ? [`peak ${bytesText(peak)}`] : seen === undefined ? [] : [`last seen ${bytesText(seen)}`]),
    ...(memory?.limit === undefined ? [] : [`limit ${bytesText(memory.limit)} (MemoryMax=)`]),
  ].join(', ')
  const cpu = resources?.cpuMs
  return [
    ...(used === '' ? [] : [`Memory of the run: ${used}.`]),
    ...(cpu === undefined ? [] : [`CPU time of the run: ${durationText(cpu)}.`]),
  ]
}

function coredumpSentence({ coredump }: Evidence): string[] {
  if (coredump === undefined) return []
  const of = coredump.executable === undefined ? '' : ` of ${coredump.executable}`
  const signal = coredump.signal === undefined ? '' : `, ${signalText(coredump.signal)}`
  const [top] = coredump.frames
  return [`systemd-coredump has a core dump${of}${signal}${top === undefined ? '' : `; the topmost frame is ${top}`}.`]
}

function changedSentence({ fileChangedMs }: Evidence): string[] {
  if (fileChangedMs === undefined) return []
  const when = durationText(fileChangedMs)
  return [`Its unit file, a drop-in or its program was changed ${when} before. Nothing proves that this is the reason.`]
}

function frequencySentence({ sameCause24h: day, sameCause7d: week, signature }: Evidence): string[] {
  const counts = [
    ...(day === undefined ? [] : [`${plural(day, 'crash', 'crashes')} in 24 h`]),
    ...(week === undefined ? [] : [`${week} in 7 days`]),
  ].join(', ')
  return [
    ...(counts === '' ? [] : [`With the same cause: ${counts}, this one included.`]),
    ...(signature === undefined ? [] : [`Signature of the fault: ${signature}.`]),
  ]
}

/** What is not known about the end, stated plainly. */
export function notKnown(end: EndEvent, history: readonly Event[]): string[] {
  if (end.kind === 'lost')
    return [
      ...(isOfEarlierBoot(end, history) ? ['The gateway has booted since that run began, which ends each run.'] : []),
      'Not known: how that run ended.',
    ]
  const { result, signal, exitCode } = end
  if (end.because !== undefined) return []
  if (end.requested) return ['Not known: who or what requested it.']
  const killed = end.kind === 'stop' ? signal !== null : result === 'signal' || result === 'core-dump'
  if (killed && signal !== null) return notKnownOfSignal(end, signal)
  if (end.kind === 'stop') return []
  const evidence = end.evidence ?? {}
  if (result === 'oom-kill' && evidence.oom === undefined)
    return ['Not known: which process was killed, and whose limit was reached.']
  if (result === 'unknown') return ['Not known: how the run ended.']
  if (result === 'watchdog') return ['Not known: why it did not report.']
  if (result === 'exit-code' && exitCode !== null && !isExecFailure(end, evidence.ranMs))
    return ['Not known: why the program failed.']
  return []
}

function isOfEarlierBoot(end: EndEvent, history: readonly Event[]): boolean {
  const isStart = ({ kind }: Event) => kind === 'start' || kind === 'restart'
  const start = history.findLast((event) => event.unit === end.unit && event.seq < end.seq && isStart(event))
  return start !== undefined && start.bootId !== end.bootId
}

function notKnownOfSignal(end: EndEvent, signal: string): string[] {
  const evidence = (end.kind === 'crash' && end.evidence) || {}
  if (isFault(signal)) return evidence.coredump === undefined ? ['Not known: where in the program it happened.'] : []
  if (evidence.oom !== undefined) return []
  const who = signal === 'SIGKILL' ? ' It can be a person, a program or the kernel (out of memory).' : ''
  return [`Not known: who sent ${signal}.${who}`]
}
