// The records in the payload of a page: state header, unit names, units, sums of forgotten units, events, and counts of
// omitted events.
import type { Event, EventKind } from '../../core/event.ts'
import type { State } from '../../core/state.ts'
import type { Counters, Unit } from '../../core/unit.ts'
import { type ByteReader, type ByteWriter, createByteReader, createByteWriter } from './bytes.ts'
import { kindNumber, kindOf, NO_UNIT, readEvent, writeEvent } from './event-record.ts'
import { PAYLOAD_BYTES } from './page.ts'
import { readCounters, writeCounters } from './unit-fields.ts'
import { readUnit, writeUnit } from './unit-record.ts'

// Tags of a page's records. FROZEN: append only; an unknown tag is skipped.
const STATE = 1
const NAME = 2
const UNIT = 3
const EVENT = 4
const LEFT_OUT = 5
const FORGOTTEN = 6

const STREAM = 1
const NUMBERS = 2
const GATEWAY = 3
const BOOT = 4
const MACHINE = 5
const MARKS = 6
/** Bits of MARKS. */
const FORMER_IMPORTED = 1
const BOOTED_AT = 7
const CLEARED = 8

/** The state header, in every page: the values of the State that do not belong to one unit. */
export interface Head {
  readonly stream: string
  readonly gatewayId: string | null
  readonly machineId: string | null
  readonly bootId: string
  readonly formerImported: boolean
  /** Of the State; null in a file of an older agent. */
  readonly bootedAtMs: number | null
  readonly seq: number
  readonly clearedSeq: number
  readonly seqGap: number
  /** No event number above this bound has been used. */
  readonly reserved: number
  /** Number of the newest event that the broker has acknowledged. */
  readonly acknowledged: number
  /** True in the last commit of an orderly stop. */
  readonly clean: boolean
}

/** Number of events of one unit and kind that did not fit into their page. */
export interface LeftOut {
  /** `NO_UNIT` for events of the agent itself. */
  readonly unit: string
  readonly kind: EventKind
  readonly count: number
}

export interface Payload {
  readonly head: Head
  readonly units: readonly Unit[]
  /** What forgotten units had counted, by template; only in the pages of a snapshot. */
  readonly forgotten: ReadonlyMap<string, Counters>
  readonly events: readonly Event[]
  readonly leftOut: readonly LeftOut[]
}

/** The header of `state`. */
export function headOf(state: State, numbers: Pick<Head, 'reserved' | 'acknowledged' | 'clean'>): Head {
  const { stream, gatewayId, machineId, bootId, bootedAtMs, formerImported, seq, clearedSeq, seqGap } = state
  const ids = { stream, gatewayId, machineId, bootId }
  return { ...ids, bootedAtMs, formerImported, seq, clearedSeq, seqGap, ...numbers }
}

/** Fills the payload of a page. Each method that adds a record returns false, and changes nothing, if it does not fit. */
export interface PageBuilder {
  head(head: Head): boolean
  unit(unit: Unit): boolean
  /** The sum of the forgotten units of a template. */
  forgotten(template: string, sum: Counters): boolean
  event(event: Event): boolean
  leftOut(entry: LeftOut): boolean
  /** Number of free bytes. */
  room(): number
  bytes(): Uint8Array
  /** Returns a function that removes everything added after this call. */
  mark(): () => void
}

export function createPageBuilder(capacity = PAYLOAD_BYTES): PageBuilder {
  const buf = Buffer.allocUnsafe(capacity)
  const to = createByteWriter()
  const names = new Map<string, number>()
  let used = 0
  let boot = ''

  function put(record: Uint8Array): boolean {
    if (used + record.length > capacity) return false
    buf.set(record, used)
    used += record.length
    return true
  }
  /** Adds a record about a unit, after the name of the unit if the page does not have it yet. */
  function named(unit: string, tag: number, body: (name: number) => void): boolean {
    const known = names.get(unit)
    if (known === undefined) to.field(NAME, () => to.text(unit))
    to.field(tag, () => body(known ?? names.size))
    if (!put(to.take())) return false
    if (known === undefined) names.set(unit, names.size)
    return true
  }

  return {
    head(head) {
      to.field(STATE, () => writeHead(to, head))
      if (!put(to.take())) return false
      boot = head.bootId
      return true
    },
    unit: (unit) => named(unit.name, UNIT, (name) => writeUnit(to, unit, name)),
    forgotten(template, sum) {
      to.field(FORGOTTEN, () => {
        writeCounters(to, sum)
        to.text(template)
      })
      return put(to.take())
    },
    event: (event) => named(event.unit ?? NO_UNIT, EVENT, (name) => writeEvent(to, event, name, boot)),
    leftOut: ({ unit, kind, count }) =>
      named(unit, LEFT_OUT, (name) => {
        to.uint(name)
        to.u8(kindNumber(kind))
        to.uint(count)
      }),
    room: () => capacity - used,
    bytes: () => buf.subarray(0, used),
    mark() {
      const then = { used, boot, names: names.size }
      return () => {
        used = then.used
        boot = then.boot
        for (const [name, number] of names) if (number >= then.names) names.delete(name)
      }
    },
  }
}

/** Decodes a payload; later records replace earlier ones. Null if it is not valid. */
export function readPayload(bytes: Uint8Array): Payload | null {
  const names: string[] = []
  const units = new Map<string, Unit>()
  const forgotten = new Map<string, Counters>()
  const events: Event[] = []
  const leftOut: LeftOut[] = []
  const found: { head: Head | null } = { head: null }
  try {
    const from = createByteReader(bytes)
    from.fields((tag) => {
      if (tag === STATE) found.head = readHead(from)
      else if (tag === NAME) names.push(from.text())
      else if (tag === UNIT) {
        const unit = readUnit(from, names)
        units.set(unit.name, unit)
      } else if (tag === FORGOTTEN) {
        const sum = readCounters(from)
        forgotten.set(from.text(), sum)
      } else if (tag === EVENT) {
        const event = readEvent(from, names, found.head?.bootId ?? '')
        if (event !== null) events.push(event)
      } else if (tag === LEFT_OUT) {
        const unit = names[from.uint()] ?? ''
        const kind = kindOf(from.u8())
        if (kind !== null) leftOut.push({ unit, kind, count: from.uint() })
      }
    })
  } catch {
    return null
  }
  const { head } = found
  return head === null ? null : { head, units: [...units.values()], forgotten, events, leftOut }
}

function writeHead(to: ByteWriter, head: Head): void {
  to.field(STREAM, () => to.id(head.stream))
  to.field(NUMBERS, () => {
    to.u8(head.clean ? 1 : 0)
    to.uint(head.seq)
    to.uint(head.reserved)
    to.uint(head.acknowledged)
    to.uint(head.seqGap)
  })
  const gateway = head.gatewayId
  if (gateway !== null) to.field(GATEWAY, () => to.text(gateway))
  if (head.bootId !== '') to.field(BOOT, () => to.id(head.bootId))
  const machine = head.machineId
  if (machine !== null) to.field(MACHINE, () => to.id(machine))
  if (head.formerImported) to.field(MARKS, () => to.u8(FORMER_IMPORTED))
  const booted = head.bootedAtMs
  if (booted !== null) to.field(BOOTED_AT, () => to.num(booted))
  if (head.clearedSeq > 0) to.field(CLEARED, () => to.uint(head.clearedSeq))
}

function readHead(from: ByteReader): Head {
  const head: { -readonly [K in keyof Head]: Head[K] } = {
    stream: '',
    gatewayId: null,
    machineId: null,
    bootId: '',
    formerImported: false,
    bootedAtMs: null,
    seq: 0,
    clearedSeq: 0,
    seqGap: 0,
    reserved: 0,
    acknowledged: 0,
    clean: false,
  }
  from.fields((tag) => {
    if (tag === STREAM) head.stream = from.id() ?? ''
    else if (tag === NUMBERS) {
      head.clean = (from.u8() & 1) !== 0
      head.seq = from.uint()
      head.reserved = from.uint()
      head.acknowledged = from.uint()
      head.seqGap = from.uint()
    } else if (tag === GATEWAY) head.gatewayId = from.text()
    else if (tag === BOOT) head.bootId = from.id() ?? ''
    else if (tag === MACHINE) head.machineId = from.id()
    else if (tag === CLEARED) head.clearedSeq = from.uint()
    else if (tag === MARKS) head.formerImported = (from.u8() & FORMER_IMPORTED) !== 0
    else if (tag === BOOTED_AT) head.bootedAtMs = from.num()
  })
  if (head.stream === '') throw new RangeError('header without a stream id')
  return head
}
