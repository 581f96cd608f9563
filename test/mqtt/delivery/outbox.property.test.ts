// The outbox in any sequence of calls stays within its limits, and every event is sent, kept, or reported as dropped.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createOutbox, type Parcel } from '../../../src/mqtt/delivery/outbox.ts'
import { crashed, started } from '../event.ts'

const LIMITS = { events: 12, bytes: 3000 }

type Act = 'start' | 'crash' | 'skip' | 'next' | 'settle' | 'refuse' | 'retry' | 'lost' | 'connected'

const acts = fc.array(
  fc.record({
    act: fc.constantFrom<Act[]>(
      'start',
      'start',
      'start',
      'crash',
      'crash',
      'skip',
      'next',
      'next',
      'settle',
      'settle',
      'refuse',
      'retry',
      'lost',
      'connected',
    ),
    pick: fc.nat({ max: 15 }),
  }),
  { maxLength: 300 },
)

function runSteps(steps: readonly { act: Act; pick: number }[]) {
  const size = (seq: number) => 100 + (seq % 7) * 60
  const outbox = createOutbox({ acknowledged: 0, bytesOf: ({ seq }) => size(seq), limits: LIMITS })
  const sent = new Set<number>()
  const announced: { from: number; to: number; count: number }[] = []
  let flight: Parcel[] = []
  let seq = 0

  const settle = (parcel: Parcel) => {
    flight = flight.filter((p) => p !== parcel)
    outbox.settle(parcel)
    if (parcel.kind === 'event') sent.add(parcel.event.seq)
    else announced.push({ from: parcel.dropped.fromSeq, to: parcel.dropped.toSeq, count: parcel.dropped.count })
  }
  const take = () => {
    const parcel = flight.length < 16 ? outbox.next() : null
    if (parcel !== null) flight.push(parcel)
    return parcel
  }

  for (const { act, pick } of steps) {
    const parcel = flight[pick % Math.max(1, flight.length)]
    switch (act) {
      case 'start':
      case 'crash':
        seq += 1
        outbox.add(act === 'start' ? started(seq) : crashed(seq))
        break
      case 'skip':
        seq += 1
        break
      case 'next':
        take()
        break
      case 'settle':
        if (parcel) settle(parcel)
        break
      case 'refuse':
        if (parcel) {
          flight = flight.filter((p) => p !== parcel)
          outbox.refuse(parcel)
        }
        break
      case 'retry':
        outbox.retryRefused()
        break
      case 'lost':
        flight = []
        outbox.requeue()
        break
      case 'connected':
        outbox.connected()
        break
    }
    const sent = flight.filter((p) => p.kind === 'event').length
    expect(outbox.size()).toBeLessThanOrEqual(Math.max(LIMITS.events, sent) + 1)
    expect(outbox.bytes()).toBeLessThanOrEqual(Math.max(LIMITS.bytes, 16 * 460))
  }
  // the last event makes every missing number known
  seq += 1
  outbox.add(crashed(seq))
  outbox.requeue()
  for (let parcel = take(); parcel !== null; parcel = take()) settle(parcel)
  return { outbox, sent, announced, seq }
}

test('every sequence number is sent or is in a record of dropped events, and the counts are exact', () => {
  fc.assert(
    fc.property(acts, (steps) => {
      const { outbox, sent, announced, seq } = runSteps(steps)
      const missing = Array.from({ length: seq }, (_, i) => i + 1).filter((n) => !sent.has(n))
      const covered = (n: number) => announced.some(({ from, to }) => from <= n && n <= to)
      expect(missing.filter((n) => !covered(n))).toEqual([])
      expect(announced.reduce((sum, { count }) => sum + count, 0)).toBe(missing.length)
      const dropped = Object.values(outbox.dropped()).reduce((a, b) => a + b, 0)
      expect(dropped).toBe(missing.length)
      expect([outbox.size(), outbox.bytes(), outbox.acknowledged()]).toEqual([0, 0, seq])
    }),
    { numRuns: 500 },
  )
})

test('a crash is dropped only if no start or stop is queued', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 200 }), (crashes) => {
      const outbox = createOutbox({ acknowledged: 0, bytesOf: () => 1, limits: LIMITS })
      for (const [i, isCrash] of crashes.entries()) outbox.add(isCrash ? crashed(i + 1) : started(i + 1))
      const kept: Parcel[] = []
      for (let parcel = outbox.next(); parcel !== null; parcel = outbox.next()) kept.push(parcel)
      const keptCrashes = kept.filter((p) => p.kind === 'event' && p.event.kind === 'crash').length
      const all = crashes.filter(Boolean).length
      expect(keptCrashes).toBe(Math.min(all, LIMITS.events))
    }),
  )
})
