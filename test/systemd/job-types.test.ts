// The types of jobs beside an open run: which are read from systemd.
import { expect, it } from 'vitest'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import { createJobTypes } from '../../src/systemd/unit-signals.ts'
import { fakeBus } from './fake-bus.ts'

const RUNNING: UnitSnapshot = {
  activeState: 'active',
  subState: 'running',
  invocationId: 'b2',
  job: 30,
  result: 'success',
  mainCode: 0,
  mainStatus: 0,
  mainPid: 7,
  nRestarts: 1,
  changedAtMonoMs: 1,
  frozen: false,
}
const STARTING: UnitSnapshot = { ...RUNNING, activeState: 'inactive', subState: 'dead' }
const FAILED: UnitSnapshot = { ...RUNNING, activeState: 'failed', subState: 'failed', mainCode: 2, mainPid: 0 }

/** The jobs whose type is read after these snapshots of one unit. */
function read(...snapshots: readonly UnitSnapshot[]): readonly string[] {
  const fake = fakeBus()
  const note = createJobTypes(fake.bus, () => {})
  for (const snapshot of snapshots) note('a.service', snapshot)
  return fake.waiting()
}

it('the job that has started the run is not read: a restart of a crashed unit causes no call', () => {
  expect(read(STARTING, RUNNING, { ...RUNNING, job: 0 })).toEqual([])
  expect(read(STARTING, { ...STARTING, activeState: 'activating' }, RUNNING)).toEqual([])
})

it.each([
  ['a job that was queued while the unit runs', [STARTING, { ...RUNNING, job: 0 }, { ...RUNNING, job: 31 }], 31],
  ['another job than the one that started the run', [STARTING, RUNNING, { ...RUNNING, job: 31 }], 31],
  [
    'a job that took the place of the first one during the start',
    [STARTING, { ...STARTING, job: 31 }, { ...RUNNING, job: 31 }],
    31,
  ],
  ['the job of a run that was not seen starting', [RUNNING], 30],
  ['a job under which a former run started', [{ ...STARTING, invocationId: 'a1' }, RUNNING], 30],
  ['the job of a run that has failed while it was there: it can have become a restart', [STARTING, FAILED], 30],
  ['the job that stops the run again', [STARTING, { ...RUNNING, activeState: 'deactivating', mainCode: 2 }], 30],
])('%s is read', (_, snapshots, job) => {
  expect(read(...snapshots)).toEqual([`Get ${job}`])
})

it('a type that was read is reported with its job', () => {
  const fake = fakeBus()
  const reports: unknown[] = []
  const note = createJobTypes(fake.bus, (...report) => reports.push(report))
  note('a.service', { ...RUNNING, job: 31 })
  note('a.service', { ...RUNNING, job: 32 })
  fake.reply('start')
  fake.fail('org.freedesktop.DBus.Error.UnknownObject')
  expect(reports).toEqual([['a.service', 31, 'start']])
})
