// How many events are in flight: one when a connection begins, and more as the broker acknowledges them.
import { expect, test } from 'vitest'
import { createOutbox, type Outbox, type Parcel } from '../../../src/mqtt/delivery/outbox.ts'
import { type PacedOutbox, pacedOutbox } from '../../../src/mqtt/delivery/paced-outbox.ts'
import { started } from '../event.ts'

function filled(events: number): PacedOutbox {
  const outbox = pacedOutbox(createOutbox({ acknowledged: 0, bytesOf: () => 100 }))
  for (let seq = 1; seq <= events; seq++) outbox.add(started(seq))
  return outbox
}

function takeAll(outbox: Outbox): Parcel[] {
  const taken: Parcel[] = []
  for (let next = outbox.next(); next !== null; next = outbox.next()) taken.push(next)
  return taken
}

const seqs = (parcels: readonly Parcel[]) => parcels.map((one) => (one.kind === 'event' ? one.event.seq : one.kind))

test('one event is in flight at first, and one more after each 16 acknowledgements', () => {
  const outbox = filled(1000)
  const inFlight = takeAll(outbox)
  const most: number[] = []
  for (let acknowledged = 0; acknowledged < 256; acknowledged++) {
    most.push(inFlight.length)
    const oldest = inFlight.shift()
    if (oldest !== undefined) outbox.settle(oldest)
    inFlight.push(...takeAll(outbox))
  }
  expect(most.slice(0, 32)).toEqual(Array(32).fill(1))
  expect([32, 47, 48, 64, 160].map((acknowledged) => most[acknowledged])).toEqual([2, 2, 3, 4, 10])
  expect(inFlight).toHaveLength(16)
  expect(seqs(inFlight)[0]).toBe(257)
})

test('after the loss of the connection it is one again, and each refused event makes room for the next', () => {
  const outbox = filled(40)
  for (let acknowledged = 0; acknowledged < 32; acknowledged++)
    for (const parcel of takeAll(outbox)) outbox.settle(parcel)
  expect(seqs(takeAll(outbox))).toEqual([33, 34])
  outbox.requeue()
  outbox.connected()
  const [first] = takeAll(outbox)
  expect(seqs(takeAll(outbox))).toEqual([])
  if (first !== undefined) outbox.refuse(first)
  expect(seqs(takeAll(outbox))).toHaveLength(1)
})

test('when the agent is in a hurry, all events may be in flight', () => {
  const outbox = filled(10)
  outbox.hurry()
  expect(takeAll(outbox)).toHaveLength(10)
})
