// Compares how a run ended with what the agent reported of its end. Pure.
import type { Event } from '../../src/core/event.ts'
import type { PerformedAction } from './plan.ts'
import type { RunEnd } from './run-end.ts'

type ObservedEnd = Extract<Event, { kind: 'stop' | 'crash' }>

/**
 * systemd stopped the run because of a timeout and the process exited cleanly, or no main process was started, and
 * reset-failed cleared the Result: an agent that missed the signals can only count a stop.
 */
export function wasReset(end: RunEnd, actions: readonly PerformedAction[]): boolean {
  const { exitCode = null, signal = null } = end.main ?? {}
  const exitedCleanly = exitCode === 0 || /^SIG(TERM|HUP|INT|PIPE)$/.test(signal ?? '')
  const notStarted = exitCode === null && signal === null
  return end.kind === 'crash' && (exitedCleanly || notStarted) && resetSince(end, actions)
}

/** reset-failed was run in the last phase of the run or since, so that systemd cannot show its Result any more. */
function resetSince(end: RunEnd, actions: readonly PerformedAction[]): boolean {
  return actions.some(({ ms, text }) => text.includes('reset-failed') && ms + NEARBY_MS > end.atMs)
}

const NEARBY_MS = 2000

export function checkCause(
  which: string,
  expected: RunEnd,
  observed: ObservedEnd,
  actions: readonly PerformedAction[],
): string[] {
  const problems: string[] = []
  // NRestarts proves the number of crashes, but not which run crashed: a manual restart resets it.
  const unknown = observed.source === 'reconcile' && observed.kind === 'crash' && observed.result === 'unknown'
  if (unknown) return problems
  if (observed.kind !== expected.kind)
    problems.push(`${which} was reported as ${observed.kind} (${observed.result}), expected ${expected.result}`)
  else if (observed.source === 'reconcile' && resetSince(expected, actions)) return problems
  else if (![expected.result, expected.firstBad].includes(observed.result) && !/\.(target|slice)$/.test(which)) {
    problems.push(`${which} ended with ${expected.result}, reported as ${observed.result}`)
  }
  // The journal has no line about a main process that exited cleanly, so an interrupted agent cannot know how it ended.
  const unknowable = observed.source === 'reconcile' && observed.exitCode === null && observed.signal === null
  if (
    expected.main &&
    !unknowable &&
    (observed.exitCode !== expected.main.exitCode || observed.signal !== expected.main.signal)
  ) {
    problems.push(
      `${which}: main process ${JSON.stringify(expected.main)}, reported ${observed.exitCode} ${observed.signal}`,
    )
  }
  return problems
}

/** A start job during an unrequested end counts as a request, because the bus does not show the type of a job. */
export function checkRequested(
  which: string,
  expected: RunEnd,
  observed: ObservedEnd,
  actions: readonly PerformedAction[],
): string[] {
  if (observed.source !== 'signal' || expected.requested === null || observed.requested === expected.requested)
    return []
  const recent = actions.some(
    ({ ms, text }) => ms < expected.atMs && ms > expected.atMs - REQUEST_MARGIN_MS && text.includes(observed.unit),
  )
  const byOtherUnit = /^k-(waits|pair)/.test(observed.unit)
  if (observed.requested && (recent || byOtherUnit)) return []
  return [`${which}: requested is ${expected.requested}, reported ${observed.requested}`]
}

const REQUEST_MARGIN_MS = 2_500
