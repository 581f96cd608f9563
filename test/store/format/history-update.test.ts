// What is written of a history: only what changed, and applying it gives the history again.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { UnitHistory } from '../../../src/core/explain/history.ts'
import { newUnit } from '../../../src/core/unit.ts'
import { createByteReader, createByteWriter } from '../../../src/store/format/bytes.ts'
import { readHistory, writeHistory } from '../../../src/store/format/history-record.ts'
import { applied, type HistoryUpdate, unitChange } from '../../../src/store/format/history-update.ts'
import { anyHistories, UNIT } from '../histories.ts'
import { busyHistory } from '../sample.ts'

const update = (before: UnitHistory | null | undefined, after: UnitHistory | null) =>
  unitChange({ ...newUnit(UNIT), history: after }, before).history

function written(change: HistoryUpdate): Uint8Array {
  const to = createByteWriter()
  writeHistory(to, UNIT, change)
  return to.take()
}

const read = (bytes: Uint8Array) => readHistory(createByteReader(bytes), UNIT)

test('whatever happens to a unit, what is written of each change, and of several at once, gives its history again', () => {
  fc.assert(
    fc.property(anyHistories, fc.nat(70), (histories, skipped) => {
      let stored: UnitHistory | null = null
      for (const after of histories) {
        const change = update(stored, after)
        if (change === null) continue
        expect(read(written(change))).toEqual(change)
        // A step can be applied twice: from the spill, and from the commit that was being written.
        stored = applied(stored, read(written(change)))
        expect(applied(stored, change)).toEqual(stored)
        expect(stored).toEqual(after)
      }
      const [from, to] = [histories[skipped] ?? null, histories.at(-1) ?? null]
      const change = update(from, to)
      if (change !== null) expect(applied(from, read(written(change)))).toEqual(stored)
    }),
    { numRuns: 300 },
  )
})

test('a change of an unknown history replaces it, even by none', () => {
  const history = busyHistory(UNIT)
  for (const after of [null, history]) {
    const change = update(undefined, after)
    expect(change?.whole).toBe(true)
    expect(change && applied(history, read(written(change)))).toEqual(after)
  }
  expect(update(null, null)).toBeNull()
  expect(update(history, history)).toBeNull()
})

test('a later version may add fields, which are skipped', () => {
  const change = update(null, busyHistory(UNIT)) as HistoryUpdate
  const extra = createByteWriter()
  extra.field(99, () => extra.text('of a later version'))
  expect(read(Buffer.concat([written(change), extra.take()]))).toEqual(change)
})
