// Encodes and decodes an event, in 40 to 70 bytes: the common fields first, then those of its kind.
import type { CrashEvent, Event, EventKind, StateChange } from '../../core/event.ts'
import { signatureOf } from '../../core/explain/signature.ts'
import { ZERO } from '../../core/unit.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'
import { readAfter, readBecause, readEvidence, writeAfter, writeBecause, writeEvidence } from './evidence-fields.ts'
import { each, readCause, readCounters, readSummary, writeCause, writeCounters, writeSummary } from './unit-fields.ts'

// Tags of an event's fields. FROZEN: append only.
const COMMON = 1
const BOOT = 2
const SEQ_GAP = 3
const CHANGE = 4
const RUN = 5
const CAUSE = 6
const DETAIL = 7
const EVIDENCE = 8
const BECAUSE = 9
const AFTER = 10

/** Numbers of the kinds on flash, from 1. FROZEN: append only. */
const KINDS: readonly EventKind[] = [
  ...(['start', 'restart', 'stop', 'crash', 'lost'] as const),
  ...(['gave_up', 'flapping', 'summary', 'unit_appeared', 'unit_vanished', 'command', 'start_refused'] as const),
  'identity_changed',
  'evidence',
]

/** The unit name of an event of the agent itself: a version that does not know such events reads it as one of this unit. */
export const NO_UNIT = ''
const OF_THE_AGENT: readonly EventKind[] = ['identity_changed', 'command']

/** Two bits for true, false, null. */
const TRISTATE: readonly (boolean | null)[] = [null, false, true, null]

export function kindNumber(kind: EventKind): number {
  return KINDS.indexOf(kind) + 1
}

export function kindOf(number: number): EventKind | null {
  return KINDS[number - 1] ?? null
}

/** `unit`: number of the unit's name in its page. `boot`: the boot id in the page's header. */
export function writeEvent(to: ByteWriter, event: Event, unit: number, boot: string): void {
  to.field(COMMON, () => {
    to.u8(kindNumber(event.kind))
    const requested = 'requested' in event && event.requested
    to.u8(
      (event.source === 'reconcile' ? 1 : 0) |
        (requested ? 2 : 0) |
        (tristate(event.clockSynced) << 2) |
        (tristate(event.kind === 'crash' ? event.willRestart : null) << 4),
    )
    to.uint(unit)
    to.uint(event.seq)
    to.num(event.atMs)
    writeCounters(to, event.counters ?? ZERO)
  })
  if (event.bootId !== boot) to.field(BOOT, () => to.id(event.bootId))
  const gap = event.seqGap
  if (gap !== undefined) to.field(SEQ_GAP, () => to.uint(gap))
  if ('toState' in event) writeChange(to, event)
  if ('invocationId' in event) to.field(RUN, () => to.id(event.invocationId))
  writeDetails(to, event)
  writeExplanation(to, event)
}

function writeExplanation(to: ByteWriter, event: Event): void {
  if (event.kind !== 'stop' && event.kind !== 'crash' && event.kind !== 'lost' && event.kind !== 'evidence') return
  const { because } = event
  const after = event.kind === 'evidence' ? undefined : event.after
  if (event.kind === 'crash' && event.evidence !== undefined)
    writeEvidence(to, EVIDENCE, event.evidence, signatureOf(event.unit, event))
  else if (event.kind === 'evidence') writeEvidence(to, EVIDENCE, event.evidence, null)
  if (because !== undefined) to.field(BECAUSE, () => writeBecause(to, because))
  if (after !== undefined) to.field(AFTER, () => writeAfter(to, after))
}

function writeDetails(to: ByteWriter, event: Event): void {
  switch (event.kind) {
    case 'start':
    case 'restart':
    case 'lost':
      break
    case 'stop':
    case 'crash':
      to.field(CAUSE, () => writeCause(to, event))
      break
    case 'gave_up':
    case 'start_refused':
      to.field(DETAIL, () => to.word(event.result))
      break
    case 'flapping':
      to.field(DETAIL, () => {
        to.u8(event.flapping ? 1 : 0)
        to.num(event.crashesInWindow)
        to.num(event.windowSeconds)
      })
      break
    case 'summary':
      to.field(DETAIL, () => writeSummary(to, event))
      break
    case 'unit_appeared':
    case 'unit_vanished':
      to.field(DETAIL, () => to.word(event.loadState))
      break
    case 'evidence':
      to.field(DETAIL, () => to.uint(event.of))
      break
    case 'command':
      to.field(DETAIL, () => each([event.action, event.outcome, event.via, event.who], to.word))
      break
    case 'identity_changed':
      to.field(DETAIL, () => {
        to.id(event.formerMachineId)
        to.id(event.machineId)
        to.word(event.formerGatewayId)
        to.word(event.gatewayId)
      })
  }
}

/** Null for a kind that this version does not know. Throws RangeError on bytes that are not an event. */
export function readEvent(from: ByteReader, names: readonly string[], boot: string): Event | null {
  const found: { kind: EventKind | null } = { kind: null }
  const parts: object[] = []
  from.fields((tag) => {
    const { kind } = found
    if (tag === COMMON) {
      found.kind = kindOf(from.u8())
      if (found.kind !== null) parts.push({ kind: found.kind, bootId: boot, ...readCommon(from, found.kind, names) })
    } else if (tag === BOOT) parts.push({ bootId: from.id() ?? boot })
    else if (tag === SEQ_GAP) parts.push({ seqGap: from.uint() })
    else if (tag === CHANGE) parts.push(readChange(from))
    else if (tag === RUN) parts.push({ invocationId: from.id() ?? (kind === 'stop' ? '' : null) })
    else if (tag === CAUSE) parts.push(readCause(from))
    else if (tag === DETAIL && kind !== null) parts.push(readDetail(from, kind))
    else if (tag === EVIDENCE && (kind === 'crash' || kind === 'evidence')) {
      const crash: CrashEvent = Object.assign({}, ...parts)
      parts.push({ evidence: readEvidence(from, () => signatureOf(crash.unit, crash)) })
    } else if (tag === BECAUSE) parts.push({ because: readBecause(from) })
    else if (tag === AFTER) parts.push({ after: readAfter(from) })
  })
  if (found.kind === null) return null
  const event = Object.assign({}, ...parts)
  for (const key of NEEDED[found.kind]) if (!(key in event)) throw new RangeError(`event without ${key}`)
  return event
}

/** The properties that an event of each kind must have, besides the common ones. */
const NEEDED: Readonly<Record<EventKind, readonly string[]>> = {
  start: ['toState', 'invocationId'],
  restart: ['toState', 'invocationId'],
  stop: ['toState', 'invocationId', 'result'],
  crash: ['toState', 'invocationId', 'result'],
  lost: ['invocationId'],
  gave_up: ['toState', 'result'],
  flapping: ['flapping'],
  summary: ['counted'],
  unit_appeared: ['loadState'],
  unit_vanished: ['loadState'],
  command: ['action', 'outcome', 'via', 'who'],
  start_refused: ['result'],
  identity_changed: ['formerMachineId'],
  evidence: ['of'],
}

function readCommon(from: ByteReader, kind: EventKind, names: readonly string[]): object {
  const flags = from.u8()
  const unit = names[from.uint()]
  if (unit === undefined || (unit === NO_UNIT && !OF_THE_AGENT.includes(kind)))
    throw new RangeError('event without a unit')
  const numbers = { seq: from.uint(), atMs: from.num() }
  const counters = readCounters(from)
  return {
    ...numbers,
    ...(unit === NO_UNIT ? { unit: null, counters: null } : { unit, counters }),
    source: flags & 1 ? 'reconcile' : 'signal',
    clockSynced: TRISTATE[(flags >> 2) & 3] ?? null,
    ...(kind === 'stop' || kind === 'crash' ? { requested: (flags & 2) !== 0 } : {}),
    ...(kind === 'crash' ? { willRestart: TRISTATE[(flags >> 4) & 3] ?? null } : {}),
  }
}

function readDetail(from: ByteReader, kind: EventKind): object {
  switch (kind) {
    case 'gave_up':
    case 'start_refused':
      return { result: from.word() ?? 'unknown' }
    case 'flapping':
      return { flapping: from.u8() !== 0, crashesInWindow: from.num(), windowSeconds: from.num() }
    case 'summary':
      return readSummary(from)
    case 'unit_appeared':
    case 'unit_vanished':
      return { loadState: from.word() ?? 'unknown' }
    case 'evidence':
      return { of: from.uint(), evidence: {} }
    case 'command': {
      const text = () => from.word() ?? 'unknown'
      return { action: text(), outcome: text(), via: text(), who: from.word() }
    }
    case 'identity_changed': {
      const id = () => from.id() ?? 'unknown'
      const machines = { formerMachineId: id(), machineId: id() }
      return { ...machines, formerGatewayId: from.word(), gatewayId: from.word() ?? 'unknown' }
    }
    case 'start':
    case 'restart':
    case 'stop':
    case 'crash':
    case 'lost':
      return {}
  }
}

function tristate(value: boolean | null): number {
  return value === null ? 0 : value ? 2 : 1
}

function writeChange(to: ByteWriter, change: StateChange): void {
  to.field(CHANGE, () => {
    to.word(change.fromState)
    to.word(change.toState)
    to.word(change.subState)
  })
}

function readChange(from: ByteReader): StateChange {
  return {
    fromState: from.word() ?? 'unknown',
    toState: from.word() ?? 'unknown',
    subState: from.word() ?? 'unknown',
  }
}
