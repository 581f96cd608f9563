// An event as bytes and back, 40 to 70 bytes each: what is common to all first, then what its kind has.
import type { Change, Event, EventKind } from '../core/event.ts'
import { eachField, type Reader, type Writer } from './bytes.ts'
import { readCause, readCounters, readSummary, writeCause, writeCounters, writeSummary } from './unit-parts.ts'

// Tags of an event's fields. FROZEN: append only.
const COMMON = 1
const BOOT = 2
const SEQ_GAP = 3
const CHANGE = 4
const RUN = 5
const CAUSE = 6
const DETAIL = 7

/** Numbers of the kinds on flash, from 1. FROZEN: append only. */
const KINDS: readonly EventKind[] = [
  ...(['start', 'restart', 'stop', 'crash', 'lost'] as const),
  ...(['gave_up', 'flapping', 'summary', 'unit_appeared', 'unit_vanished'] as const),
]

/** Two bits for true, false, null. */
const TRISTATE: readonly (boolean | null)[] = [null, false, true, null]

export function kindNumber(kind: EventKind): number {
  return KINDS.indexOf(kind) + 1
}

export function kindOf(number: number): EventKind | null {
  return KINDS[number - 1] ?? null
}

/** `unit` is the number of the unit's name in its page, `boot` the boot that the page speaks of. */
export function writeEvent(to: Writer, event: Event, unit: number, boot: string): void {
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
    writeCounters(to, event.counters)
  })
  if (event.bootId !== boot) to.field(BOOT, () => to.id(event.bootId))
  const gap = event.seqGap
  if (gap !== undefined) to.field(SEQ_GAP, () => to.uint(gap))
  if ('toState' in event) writeChange(to, event)
  if ('invocationId' in event) to.field(RUN, () => to.id(event.invocationId))
  writeDetails(to, event)
}

function writeDetails(to: Writer, event: Event): void {
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
  }
}

/** Null for a kind that this version does not know. Throws RangeError on bytes that are no event. */
export function readEvent(from: Reader, names: readonly string[], boot: string): Event | null {
  const parts = new Map<number, Reader>()
  eachField(from, (tag, value) => parts.set(tag, value))
  const part = (tag: number): Reader => {
    const value = parts.get(tag)
    if (value === undefined) throw new RangeError('event lacks a field')
    return value
  }
  const common = part(COMMON)
  const kind = kindOf(common.u8())
  if (kind === null) return null
  const flags = common.u8()
  const unit = names[common.uint()]
  if (unit === undefined) throw new RangeError('event of no unit')
  const gap = parts.get(SEQ_GAP)
  const of = {
    unit,
    seq: common.uint(),
    atMs: common.num(),
    counters: readCounters(common),
    bootId: parts.get(BOOT)?.id() ?? boot,
    source: flags & 1 ? ('reconcile' as const) : ('signal' as const),
    clockSynced: TRISTATE[(flags >> 2) & 3] ?? null,
    ...(gap === undefined ? {} : { seqGap: gap.uint() }),
  }
  const requested = (flags & 2) !== 0
  const invocationId = (): string | null => part(RUN).id()
  switch (kind) {
    case 'start':
    case 'restart':
      return { ...of, kind, ...readChange(part(CHANGE)), invocationId: invocationId() }
    case 'stop': {
      const change = readChange(part(CHANGE))
      return { ...of, kind, ...change, invocationId: invocationId() ?? '', ...readCause(part(CAUSE)), requested }
    }
    case 'crash': {
      const willRestart = TRISTATE[(flags >> 4) & 3] ?? null
      const change = readChange(part(CHANGE))
      return { ...of, kind, ...change, invocationId: invocationId(), ...readCause(part(CAUSE)), requested, willRestart }
    }
    case 'lost':
      return { ...of, kind, invocationId: invocationId() }
    case 'gave_up':
      return { ...of, kind, ...readChange(part(CHANGE)), result: part(DETAIL).word() ?? 'unknown' }
    case 'flapping': {
      const detail = part(DETAIL)
      const flapping = detail.u8() !== 0
      return { ...of, kind, flapping, crashesInWindow: detail.num(), windowSeconds: detail.num() }
    }
    case 'summary':
      return { ...of, kind, ...readSummary(part(DETAIL)) }
    case 'unit_appeared':
    case 'unit_vanished':
      return { ...of, kind, loadState: part(DETAIL).word() ?? 'unknown' }
  }
}

function tristate(value: boolean | null): number {
  return value === null ? 0 : value ? 2 : 1
}

function writeChange(to: Writer, change: Change): void {
  to.field(CHANGE, () => {
    to.word(change.fromState)
    to.word(change.toState)
    to.word(change.subState)
  })
}

function readChange(from: Reader): Change {
  return {
    fromState: from.word() ?? 'unknown',
    toState: from.word() ?? 'unknown',
    subState: from.word() ?? 'unknown',
  }
}
