// What is written of a history: only what changed, and applying it gives the history again.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { UnitHistory } from '../../../src/core/explain/history.ts'
import { newUnit, type Unit } from '../../../src/core/unit.ts'
import { createByteReader, createByteWriter } from '../../../src/store/format/bytes.ts'
import { readHistory, writeHistory } from '../../../src/store/format/history-record.ts'
import { applied, expectedHistory, type HistoryUpdate, unitChange } from '../../../src/store/format/history-update.ts'
import { anyUnitsWithHistory, UNIT } from '../histories.ts'
import { busyHistory, busyUnit, crashStep, stateOf } from '../sample.ts'

const withHistory = (history: UnitHistory | null): Unit => ({ ...newUnit(UNIT), history })
const update = (before: Unit | null | undefined, after: Unit) => unitChange(after, before).history

/** What a reader that has `before` has after `after` was written. */
function reread(before: Unit | null, after: Unit): Unit {
  const change = update(before, after)
  const expected = before && expectedHistory(before, after)
  if (change === null) return { ...after, history: expected }
  const read = readHistory(createByteReader(written(change)), UNIT)
  expect(read).toEqual(change)
  return { ...after, history: applied(expected, read) }
}

function written(change: HistoryUpdate): Uint8Array {
  const to = createByteWriter()
  writeHistory(to, UNIT, change)
  return to.take()
}

const read = (bytes: Uint8Array) => readHistory(createByteReader(bytes), UNIT)

test('whatever happens to a unit, what is written of each change, and of several at once, gives its history again', () => {
  fc.assert(
    fc.property(anyUnitsWithHistory, fc.nat(70), (units, skipped) => {
      let stored: Unit | null = null
      for (const after of units) {
        stored = reread(stored, after)
        expect(stored).toEqual(after)
      }
      const last = units.at(-1)
      if (last !== undefined) expect(reread(units[skipped] ?? null, last)).toEqual(last)
    }),
    { numRuns: 300 },
  )
})

test('nothing is written of the history while each commit has crashes of one hour and one cause', () => {
  const unit = busyUnit(UNIT)
  const [HOUR, begins] = [3_600_000, Math.ceil(1_752_000_000_000 / 3_600_000) * 3_600_000 - 1_752_000_000_000]
  const crashed = (before: Unit, ...atMs: number[]) =>
    atMs.reduce((u, ms) => crashStep(stateOf([u]), UNIT, begins + ms).after.units[0] as Unit, before)
  const first = crashed(unit, 0)
  const again = crashed(first, 1, 5000, HOUR - 1)
  const [nextHour, bothHours] = [crashed(again, HOUR), crashed(again, HOUR - 1, HOUR)]
  expect([update(unit, first), update(first, again), update(again, nextHour)]).toEqual([null, null, null])
  expect(update(again, bothHours)).toMatchObject({ whole: false, causes: [{ hours: { length: 4 } }] })
  for (const [before, after] of [
    [unit, first],
    [first, again],
    [again, nextHour],
    [again, bothHours],
  ] as const)
    expect(reread(before, after)).toEqual(after)
})

test('a change of an unknown history replaces it, even by none', () => {
  const busy = withHistory(busyHistory(UNIT))
  for (const after of [withHistory(null), busy]) {
    const change = update(undefined, after)
    expect(change?.whole).toBe(true)
    expect(change && applied(busy.history, read(written(change)))).toEqual(after.history)
  }
  expect(update(null, withHistory(null))).toBeNull()
  expect(update(busy, busy)).toBeNull()
})

test('a later version may add fields, which are skipped', () => {
  const change = update(null, withHistory(busyHistory(UNIT))) as HistoryUpdate
  const extra = createByteWriter()
  extra.field(99, () => extra.text('of a later version'))
  expect(read(Buffer.concat([written(change), extra.take()]))).toEqual(change)
})
