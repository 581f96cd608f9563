// Which changes of a unit are written: not those that can be read from systemd again.
import { expect, test } from 'vitest'
import type { Unit } from '../../../src/core/unit.ts'
import { differs } from '../../../src/store/format/unit-record.ts'
import { busyUnit } from '../sample.ts'

const unit = busyUnit('a.service')

test.each<Partial<Unit>>([
  { settingsStale: true },
  { triggered: true },
  { discovered: true },
  { outOfContact: true },
  { job: { id: 7, starts: 3 } },
  { canceledAtMonoMs: 5 },
  { snapshot: unit.snapshot && { ...unit.snapshot, frozen: true } },
  { settings: unit.settings && { ...unit.settings, startedBy: ['a.timer'] } },
])('%j alone is not written', (change) => {
  expect(differs(unit, { ...unit, ...change })).toBe(false)
})

test.each<Partial<Unit>>([
  { startJobsFailed: { dependency: 1 } },
  { run: unit.run && { ...unit.run, requested: false } },
  { run: unit.run && { ...unit.run, badResult: null } },
  { gaveUp: true },
  { stopRequested: true },
])('%j is written', (change) => {
  expect(differs(unit, { ...unit, ...change })).toBe(true)
})
