// The state header in each page: the values of the State that do not belong to one unit, and the store's own.
import type { State } from '../../core/state.ts'
import type { PublishedNames } from '../../core/topic-names.ts'
import type { StoredBudget } from '../flush-budget.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'

// Tags of its fields. FROZEN: append only; an unknown tag is skipped.
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
const PUBLISHED = 9
const BUDGET = 10
/** Without a value. */
const FORMATTED = 11
/** Position in the list: the number on flash. Append only. */
const NAMES_STATUS = ['current', 'former', 'refused'] as const satisfies readonly PublishedNames['status'][]

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
  /** The names under which messages are retained at the broker, oldest first. */
  readonly published: readonly PublishedNames[]
  /** True in the last commit of an orderly stop. */
  readonly clean: boolean
  /** Null in the spill, and in a file of an older agent. */
  readonly budget: StoredBudget | null
  /** Only in the page that `gatewatch format` writes: a ring in which there is no commit yet. */
  readonly formatted?: true
}

/** What the state does not contain. */
type StoreHead = Pick<Head, 'reserved' | 'acknowledged' | 'published' | 'clean'> &
  Partial<Pick<Head, 'budget' | 'formatted'>>

/** The header of `state`. */
export function headOf(state: State, { budget = null, ...own }: StoreHead): Head {
  const { stream, gatewayId, machineId, bootId, bootedAtMs, formerImported, seq, clearedSeq, seqGap } = state
  const ids = { stream, gatewayId, machineId, bootId }
  return { ...ids, bootedAtMs, formerImported, seq, clearedSeq, seqGap, budget, ...own }
}

export function writeHead(to: ByteWriter, head: Head): void {
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
  for (const names of head.published) to.field(PUBLISHED, () => writeNames(to, names))
  const { budget } = head
  if (budget !== null)
    to.field(BUDGET, () => {
      to.num(budget.bytes)
      to.uint(budget.reserve)
    })
  if (head.formatted === true) to.field(FORMATTED, () => {})
}

function writeNames(to: ByteWriter, names: PublishedNames): void {
  to.u8(NAMES_STATUS.indexOf(names.status))
  for (const name of [names.prefix, names.gatewayId, names.discoveryPrefix]) to.text(name)
}

function readNames(from: ByteReader): PublishedNames {
  const status = NAMES_STATUS[from.u8()] ?? 'refused'
  return { status, prefix: from.text(), gatewayId: from.text(), discoveryPrefix: from.text() }
}

export function readHead(from: ByteReader): Head {
  const published: PublishedNames[] = []
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
    published,
    clean: false,
    budget: null,
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
    else if (tag === PUBLISHED) published.push(readNames(from))
    else if (tag === BUDGET) head.budget = { bytes: from.num(), reserve: from.uint() }
    else if (tag === FORMATTED) head.formatted = true
  })
  if (head.stream === '') throw new RangeError('header without a stream id')
  return head
}
