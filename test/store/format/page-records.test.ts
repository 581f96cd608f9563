import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EVENT_KINDS } from '../../../src/core/event.ts'
import { createByteReader, createByteWriter, LARGEST_NUMBER } from '../../../src/store/format/bytes.ts'
import { kindNumber } from '../../../src/store/format/event-record.ts'
import { unitChange } from '../../../src/store/format/history-update.ts'
import { createPageBuilder, readPayload } from '../../../src/store/format/page-records.ts'
import { WORDS } from '../../../src/store/format/word-table.ts'
import { applyPayloads } from '../../../src/store/recovery.ts'
import { anyCounters, anyEvent, anyHead, anyUnit } from '../arbitrary.ts'
import { BOOT, busyHistory, busyUnit, crashOf, STREAM } from '../sample.ts'

const HEAD = {
  stream: STREAM,
  gatewayId: 'gw-7',
  machineId: null,
  bootId: BOOT,
  formerImported: false,
  bootedAtMs: 1_751_913_600_000,
  seq: 7,
  clearedSeq: 0,
  seqGap: 0,
  reserved: 9,
  acknowledged: 3,
  published: [],
  clean: false,
  budget: null,
}

test('any header, units, sums and events are decoded as they were encoded', () => {
  fc.assert(
    fc.property(
      anyHead,
      fc.uniqueArray(anyUnit, { maxLength: 4, selector: (unit) => unit.name }),
      fc.uniqueArray(fc.tuple(fc.string({ maxLength: 255 }), anyCounters), {
        maxLength: 4,
        selector: ([name]) => name,
      }),
      fc.array(anyEvent, { maxLength: 6 }),
      (head, units, sums, events) => {
        const page = createPageBuilder(Buffer.alloc(100_000))
        expect(page.head(head)).toBe(true)
        for (const unit of units) {
          expect(page.unit(unit)).toBe(true)
          const { history } = unitChange(unit, null)
          if (history !== null) expect(page.history(unit.name, history)).toBe(true)
        }
        for (const [template, sum] of sums) expect(page.forgotten(template, sum)).toBe(true)
        for (const event of events) expect(page.event(event)).toBe(true)
        const read = readPayload(page.bytes())
        expect(read).toMatchObject({ head, events, leftOut: [] })
        expect(read?.forgotten).toEqual(new Map(sums))
        expect(read && applyPayloads(null, 'snapshot', [read]).units).toEqual(units)
      },
    ),
    { numRuns: 400 },
  )
})

const SMALL = { min: -LARGEST_NUMBER, max: LARGEST_NUMBER }

test('any number up to the largest one is decoded exactly', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.double({ noNaN: true, ...SMALL }),
          fc.integer(),
          fc.integer(SMALL),
          fc.nat().map((n) => n / 1000),
          fc.integer(SMALL).map((n) => n / 1000),
        ),
      ),
      (numbers) => {
        const to = createByteWriter()
        for (const n of numbers) to.num(n)
        const from = createByteReader(to.take())
        for (const n of numbers) expect(from.num()).toBe(n)
      },
    ),
  )
})

test('a number above the largest one is written as that', () => {
  const to = createByteWriter()
  for (const n of [2 ** 48 + 1, 1e300, Number.POSITIVE_INFINITY, -1e300, Number.NaN]) to.num(n)
  for (const n of [2 ** 48, 2 ** 48 + 1, Number.MAX_SAFE_INTEGER]) to.uint(n)
  const from = createByteReader(to.take())
  expect(Array.from({ length: 5 }, from.num)).toEqual([2 ** 48, 2 ** 48, 2 ** 48, -(2 ** 48), 0])
  expect(Array.from({ length: 3 }, from.uint)).toEqual([2 ** 48, 2 ** 48, 2 ** 48])
})

test('arbitrary bytes are decoded or rejected, without an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readPayload(bytes)
    }),
    { numRuns: 1000 },
  )
})

test('a damaged payload is decoded or rejected, without an exception', () => {
  const page = createPageBuilder()
  page.head(HEAD)
  page.unit(busyUnit('a.service'))
  page.history('a.service', { ...busyHistory('a.service'), whole: true, removed: ['0123456789ab'] })
  page.event(crashOf('a.service', 5))
  const good = Buffer.from(page.bytes())
  for (let at = 0; at < good.length; at++) {
    for (const value of [0, 1, 127, 128, 255]) {
      const bytes = Buffer.from(good)
      bytes[at] = value
      readPayload(bytes)
      readPayload(bytes.subarray(0, at))
    }
  }
})

test('records and fields with unknown tags are skipped', () => {
  const page = createPageBuilder()
  page.head(HEAD)
  const unit = busyUnit('a.service')
  page.unit(unit)
  page.event(crashOf('a.service', 5))
  const known = page.bytes()
  const extra = createByteWriter()
  extra.field(200, () => extra.text('from a later minor version'))
  expect(readPayload(Buffer.concat([extra.take(), known, extra.take()]))).toEqual(readPayload(known))

  // A unit record with an additional field.
  const to = createByteWriter()
  to.field(1, () => {
    to.field(1, () => to.id(STREAM))
    to.field(99, () => to.num(1))
  })
  to.field(2, () => to.text('a.service'))
  to.field(3, () => {
    to.field(1, () => to.uint(0))
    to.field(2, () => [1, 0, 0, 0, 0, 42].map(to.uint)) // and an additional counter
    to.field(250, () => to.text('?'))
  })
  to.field(4, () => to.field(1, () => [99, 0, 0].map(to.u8))) // an event of an unknown kind
  const read = readPayload(to.take())
  expect(read?.units).toMatchObject([{ name: 'a.service', counters: { starts: 1 } }])
  expect(read?.events).toEqual([])
})

test('a word of a later version is decoded as unknown', () => {
  const to = createByteWriter()
  to.u8(254)
  expect(createByteReader(to.take()).word()).toBe('unknown')
})

test('the numbers of words and event kinds are frozen', () => {
  expect(WORDS).toHaveLength(new Set(WORDS).size)
  expect(WORDS.length).toBeLessThan(254)
  const frozen = { unknown: 1, active: 2, inactive: 4, failed: 5, dead: 10, running: 15, success: 59, signal: 64 }
  for (const [word, number] of Object.entries(frozen)) expect([word, WORDS.indexOf(word) + 1]).toEqual([word, number])
  expect(WORDS.indexOf('loaded') + 1).toBe(75)
  expect(WORDS.indexOf('always') + 1).toBe(87)
  expect(WORDS.indexOf('SIGKILL') + 1).toBe(96)
  expect(WORDS.indexOf('SIGSYS') + 1).toBe(118)
  expect(EVENT_KINDS.map(kindNumber)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 11, 13, 14])
})

test('an event takes 40 to 75 bytes, a busy unit at most 215', () => {
  const page = createPageBuilder()
  page.head(HEAD)
  const head = page.bytes().length
  page.unit(busyUnit('a.service', 5))
  const unit = page.bytes().length
  page.event(crashOf('a.service', 500))
  expect(head).toBeLessThan(60)
  expect(unit - head).toBeLessThan(215)
  expect(page.bytes().length - unit).toBeGreaterThan(40)
  expect(page.bytes().length - unit).toBeLessThan(75)
})

test('a record that does not fit changes nothing', () => {
  const page = createPageBuilder(Buffer.alloc(360))
  page.head(HEAD)
  expect(page.unit(busyUnit('a.service'))).toBe(true)
  const before = Buffer.from(page.bytes())
  expect(page.unit(busyUnit('b.service'))).toBe(false)
  expect(page.bytes()).toEqual(before)
  expect(page.event(crashOf('a.service', 1))).toBe(true)
  expect(readPayload(page.bytes())?.events[0]?.unit).toBe('a.service')
})
