// The outbox: the order of sending, what is dropped first, and the record of dropped events.
import { expect, test } from 'vitest'
import type { Event } from '../../../src/core/event.ts'
import { createOutbox, type Outbox, type Parcel } from '../../../src/mqtt/delivery/outbox.ts'
import { afterGap, cleared, crashed, started } from '../event.ts'

const outboxOf = (events: number, acknowledged: number | null = 0, bytes = 1_000_000) =>
  createOutbox({ acknowledged, bytesOf: () => 100, limits: { events, bytes } })

const shown = (parcel: Parcel | null) =>
  parcel === null ? null : parcel.kind === 'event' ? parcel.event.seq : { ...parcel.dropped }

function takeAll(outbox: Outbox): Parcel[] {
  const parcels: Parcel[] = []
  for (let parcel = outbox.next(); parcel !== null; parcel = outbox.next()) parcels.push(parcel)
  return parcels
}

function refuseNext(outbox: Outbox, why: 'too large' | 'not authorized' = 'not authorized'): void {
  const parcel = outbox.next()
  if (parcel) outbox.refuse(parcel, why === 'too large')
}

test('the oldest goes first, and only a settled event is removed', () => {
  const outbox = outboxOf(10)
  for (const seq of [1, 2, 3]) outbox.add(started(seq))
  const [one, two, three] = takeAll(outbox)
  expect([one, two, three].map((p) => shown(p ?? null))).toEqual([1, 2, 3])
  expect([outbox.size(), outbox.bytes(), outbox.acknowledged()]).toEqual([3, 300, 0])
  if (two) outbox.settle(two)
  expect([outbox.size(), outbox.acknowledged()]).toEqual([2, 0])
  if (one) outbox.settle(one)
  expect([outbox.size(), outbox.bytes(), outbox.acknowledged()]).toEqual([1, 100, 2])
})

test('events in flight when the connection ended are sent again, at their old position', () => {
  const outbox = outboxOf(10)
  for (const seq of [1, 2, 3]) outbox.add(started(seq))
  const first = outbox.next()
  outbox.next()
  if (first) outbox.settle(first)
  outbox.requeue()
  outbox.add(started(4))
  expect(takeAll(outbox).map(shown)).toEqual([2, 3, 4])
})

test('events from before the connection are replayed, later ones are not', () => {
  const outbox = outboxOf(10)
  outbox.add(started(1))
  outbox.connected()
  outbox.add(started(2))
  expect(takeAll(outbox).map((p) => p.kind === 'event' && p.replayed)).toEqual([true, false])
})

test('starts are dropped before crashes, the oldest first, and one record of them is sent before everything else', () => {
  const outbox = outboxOf(3)
  outbox.add(crashed(1))
  outbox.add(started(2))
  outbox.add(started(3))
  outbox.add(crashed(4))
  outbox.add(crashed(5))
  outbox.add(crashed(6))
  expect(outbox.dropped()).toEqual({ overflow: 3, forgotten: 0, too_large: 0, refused: 0, cleared: 0 })
  expect(takeAll(outbox).map(shown)).toEqual([
    { fromSeq: 1, toSeq: 3, count: 3, byKind: { start: 2, crash: 1 }, byReason: { overflow: 3 } },
    4,
    5,
    6,
  ])
})

test('an event in flight is not dropped', () => {
  const outbox = outboxOf(2)
  outbox.add(started(1))
  outbox.next()
  outbox.add(crashed(2))
  outbox.add(crashed(3))
  expect(takeAll(outbox).map(shown)).toEqual([
    { fromSeq: 2, toSeq: 2, count: 1, byKind: { crash: 1 }, byReason: { overflow: 1 } },
    3,
  ])
})

test('bytes are limited as well as the number', () => {
  const outbox = outboxOf(1000, 0, 250)
  for (const seq of [1, 2, 3]) outbox.add(crashed(seq))
  expect([outbox.bytes(), outbox.size(), outbox.dropped().overflow]).toEqual([200, 3, 1])
})

test('a record in flight when the connection ended is sent again, with the events dropped since', () => {
  const outbox = outboxOf(1)
  outbox.add(started(1))
  outbox.add(started(2))
  outbox.next()
  outbox.add(started(3))
  outbox.requeue()
  expect(shown(outbox.next())).toEqual({
    fromSeq: 1,
    toSeq: 2,
    count: 2,
    byKind: { start: 2 },
    byReason: { overflow: 2 },
  })
})

test('a dropped event counts as acknowledged only when its record is', () => {
  const outbox = outboxOf(1)
  outbox.add(started(1))
  outbox.add(started(2))
  const [record, event] = takeAll(outbox)
  if (event) outbox.settle(event)
  expect(outbox.acknowledged()).toBe(0)
  if (record) outbox.settle(record)
  expect(outbox.acknowledged()).toBe(2)
})

test('events missing from history are reported as dropped, numbers that were never used are not', () => {
  const outbox = outboxOf(10, 4)
  outbox.add(started(8))
  outbox.add(afterGap(started(1009), 1000))
  outbox.add(afterGap(started(2012), 1000))
  expect(takeAll(outbox).map(shown)).toEqual([
    { fromSeq: 5, toSeq: 1011, count: 5, byKind: { unknown: 5 }, byReason: { forgotten: 5 } },
    8,
    1009,
    2012,
  ])
})

test('if nothing was ever acknowledged, nothing is missing before the first event', () => {
  const outbox = outboxOf(10, null)
  expect(outbox.acknowledged()).toBeNull()
  outbox.add(started(500))
  expect(outbox.dropped().forgotten).toBe(0)
  expect(outbox.acknowledged()).toBe(499)
})

test('a refused event does not block the others, is tried once more, and is then dropped and reported', () => {
  const outbox = outboxOf(10)
  for (const seq of [1, 2]) outbox.add(started(seq))
  refuseNext(outbox)
  expect(takeAll(outbox).map(shown)).toEqual([2])
  outbox.retryRefused()
  expect(outbox.acknowledged()).toBe(0)
  refuseNext(outbox)
  expect(takeAll(outbox).map(shown)).toEqual([
    { fromSeq: 1, toSeq: 1, count: 1, byKind: { start: 1 }, byReason: { refused: 1 } },
  ])
  expect([outbox.dropped().refused, outbox.size()]).toEqual([1, 2])
})

test('a refused event is tried once more after a reconnection, too', () => {
  const outbox = outboxOf(10)
  outbox.add(started(1))
  refuseNext(outbox)
  outbox.requeue()
  expect(takeAll(outbox).map(shown)).toEqual([1])
})

test('a crash that is too large is published at once without its journal lines, in its place', () => {
  const bytesOf = (event: Event) => (event.kind === 'crash' && event.log !== undefined ? 7000 : 700)
  const outbox = createOutbox({ acknowledged: 0, bytesOf })
  outbox.add({ ...crashed(1), log: ['x'.repeat(6300)] })
  outbox.add(started(2))
  expect(outbox.bytes()).toBe(7700)
  refuseNext(outbox, 'too large')
  expect(outbox.bytes()).toBe(1400)
  const [first, second] = takeAll(outbox)
  expect(first).toEqual({ kind: 'event', event: crashed(1), replayed: false })
  expect(shown(second ?? null)).toBe(2)
  if (first) outbox.settle(first)
  expect([outbox.acknowledged(), outbox.dropped().too_large]).toEqual([1, 0])
})

test('an event that is too large and has no shorter form is dropped and reported', () => {
  const outbox = outboxOf(10)
  outbox.add({ ...crashed(1), log: ['a line'] })
  refuseNext(outbox, 'too large')
  refuseNext(outbox, 'too large')
  expect(takeAll(outbox).map(shown)).toEqual([
    { fromSeq: 1, toSeq: 1, count: 1, byKind: { crash: 1 }, byReason: { too_large: 1 } },
  ])
  expect(outbox.dropped()).toMatchObject({ too_large: 1, refused: 0 })
})

test('a refused crash is tried once more without its journal lines', () => {
  const outbox = outboxOf(10)
  outbox.add({ ...crashed(1), log: ['a line'] })
  refuseNext(outbox)
  expect(outbox.next()).toBeNull()
  outbox.retryRefused()
  expect(outbox.next()).toMatchObject({ event: crashed(1) })
})

test('clear drops what is not in flight, and the record of it comes first', () => {
  const outbox = outboxOf(10)
  for (const seq of [1, 2, 3, 4]) outbox.add(seq === 3 ? crashed(seq) : started(seq))
  const first = outbox.next()
  outbox.clear()
  outbox.add(cleared(5))
  expect(outbox.dropped()).toEqual({ overflow: 0, forgotten: 0, too_large: 0, refused: 0, cleared: 3 })
  expect(takeAll(outbox).map(shown)).toEqual([
    { fromSeq: 2, toSeq: 4, count: 3, byKind: { start: 2, crash: 1 }, byReason: { cleared: 3 } },
    5,
  ])
  expect(outbox.acknowledged()).toBe(0)
  if (first) outbox.settle(first)
  expect(outbox.acknowledged()).toBe(1)
})

test('what was cleared in an earlier run, before the broker had it, is announced as cleared', () => {
  const outbox = outboxOf(10, 3)
  outbox.add(cleared(8))
  expect(takeAll(outbox).map(shown)).toEqual([
    { fromSeq: 4, toSeq: 7, count: 4, byKind: { unknown: 4 }, byReason: { cleared: 4 } },
    8,
  ])
})
