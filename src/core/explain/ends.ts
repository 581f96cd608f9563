// Adds to an end event which unit ended the run, and which other unit ended shortly before.
import type { Instant, Observation } from '../observation.ts'
import { type State, unitOf } from '../state.ts'
import type { PendingEvent, Transition } from '../transition.ts'
import { shownCounters, type Unit } from '../unit.ts'
import type { After, Because, LastEnd } from './evidence.ts'
import { recountSignature } from './histories.ts'

/** Another unit that ended longer ago is not named. */
const SHORTLY_MS = 2000

type UnitObservation = Extract<Observation, { readonly kind: 'signal' | 'read' }>
type LateEvidence = Pick<Extract<Observation, { readonly kind: 'evidence' }>, 'of' | 'evidence' | 'because' | 'former'>
type EndEvent = Extract<PendingEvent, { readonly kind: After['event'] }>

/** The events of this observation, with what is known about the end that it shows, if it shows one. */
export function explainEnds(state: State, o: UnitObservation, transition: Transition): Transition {
  if (!transition.events.some(isObservedEnd)) return transition
  const { at } = o
  const because = o.kind === 'signal' ? o.because : undefined
  let { unit } = transition
  const events = transition.events.map((event, i): PendingEvent => {
    if (!isObservedEnd(event)) return event
    unit = { ...unit, lastEnd: lastEndOf(event, at, state.seq + i + 1) }
    const after = afterOf(state, unit, at, because?.unit)
    return { ...event, ...(because && { because }), ...(after && { after }) }
  })
  return { unit, events }
}

/** What became known about an end after its event. */
export function explainLater(unit: Unit, run: string, because: Because): Transition {
  const { lastEnd } = unit
  if (lastEnd === null || lastEnd.run !== run) return { unit, events: [] }
  return addEvidence(unit, { of: lastEnd.seq, evidence: {}, because })
}

/** What became known about the event with the number `of`. */
export function addEvidence(unit: Unit, { of, evidence, because, former }: LateEvidence): Transition {
  const known = because === undefined ? { of, evidence } : { of, evidence, because }
  const counters = shownCounters(unit)
  const recounted = recountSignature(unit, evidence.signature, former)
  return { unit: recounted, events: [{ kind: 'evidence', unit: unit.name, source: 'signal', counters, ...known }] }
}

/** An end that was found later has no time. */
function isObservedEnd(event: PendingEvent): event is EndEvent {
  return (event.kind === 'stop' || event.kind === 'crash' || event.kind === 'lost') && event.source === 'signal'
}

function lastEndOf({ kind, invocationId }: EndEvent, at: Instant, seq: number): LastEnd {
  return { event: kind, atMonoMs: at.monoMs, seq, run: invocationId }
}

/** The unit that ended last before this one, of those on which it depends or after which it is ordered. */
function afterOf(state: State, unit: Unit, at: Instant, except: string | undefined): After | null {
  let after: After | null = null
  for (const name of unit.settings?.relations?.follows ?? []) {
    const end = name === unit.name || name === except ? null : (unitOf(state, name)?.lastEnd ?? null)
    if (end === null) continue
    const ms = at.monoMs - end.atMonoMs
    if (ms <= SHORTLY_MS && (after === null || ms < after.ms)) after = { unit: name, event: end.event, ms }
  }
  return after
}
