// The records in the payload of a page: state header, unit names, units and their histories, sums of forgotten units, events,
// and counts of omitted events.
import type { Event, EventKind } from '../../core/event.ts'
import type { Counters, Unit } from '../../core/unit.ts'
import { createByteReader, createByteWriter } from './bytes.ts'
import { kindNumber, kindOf, NO_UNIT, readEvent, writeEvent } from './event-record.ts'
import { type Head, readHead, writeHead } from './head-record.ts'
import { readHistory, writeHistory } from './history-record.ts'
import type { HistoryUpdate } from './history-update.ts'
import { MINOR, PAYLOAD_BYTES } from './page.ts'
import { readCounters, writeCounters } from './unit-fields.ts'
import { readUnit, writeUnit } from './unit-record.ts'

// Tags of a page's records. FROZEN: append only; an unknown tag is skipped.
const STATE = 1
const NAME = 2
const UNIT = 3
const EVENT = 4
const LEFT_OUT = 5
const FORGOTTEN = 6
const HISTORY = 7
/** The first minor version with histories. */
const WITH_HISTORIES = 1

export interface NamedUpdate {
  readonly name: string
  readonly update: HistoryUpdate
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
  /** In the order in which they were written: a unit without its history, and what to change in the history of one. */
  readonly units: readonly (Unit | NamedUpdate)[]
  /** Written by an agent that keeps histories: one without a record is the one that is expected. */
  readonly keepsHistories: boolean
  /** What forgotten units had counted, by template; only in the pages of a snapshot. */
  readonly forgotten: ReadonlyMap<string, Counters>
  readonly events: readonly Event[]
  readonly leftOut: readonly LeftOut[]
}

/** Fills the payload of a page, from its start. Each method that adds a record returns false, and changes nothing, if it does not fit. */
export interface PageBuilder {
  head(head: Head): boolean
  unit(unit: Unit): boolean
  /** What changed in the history of a unit. */
  history(unit: string, update: HistoryUpdate): boolean
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

export function createPageBuilder(buf: Buffer = Buffer.allocUnsafe(PAYLOAD_BYTES)): PageBuilder {
  const capacity = buf.length
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
    history: (unit, update) =>
      named(unit, HISTORY, (name) => {
        to.uint(name)
        writeHistory(to, unit, update)
      }),
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

/** Decodes a payload of a page of this minor version; later records replace earlier ones. Null if it is not valid. */
export function readPayload(bytes: Uint8Array, minor = MINOR): Payload | null {
  const names: string[] = []
  const units: (Unit | NamedUpdate)[] = []
  const forgotten = new Map<string, Counters>()
  const events: Event[] = []
  const leftOut: LeftOut[] = []
  const found: { head: Head | null } = { head: null }
  try {
    const from = createByteReader(bytes)
    from.fields((tag) => {
      if (tag === STATE) found.head = readHead(from)
      else if (tag === NAME) names.push(from.text())
      else if (tag === UNIT) units.push(readUnit(from, names))
      else if (tag === HISTORY) {
        const name = names[from.uint()] ?? ''
        units.push({ name, update: readHistory(from, name) })
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
  return head === null ? null : { head, units, keepsHistories: minor >= WITH_HISTORIES, forgotten, events, leftOut }
}
