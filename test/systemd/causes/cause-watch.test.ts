// What is read from systemd about the end of a unit, on a scripted bus: only what may prove a cause, and each once.
import { expect, it } from 'vitest'
import type { Because } from '../../../src/core/explain/evidence.ts'
import { type Relation, relationsOf } from '../../../src/core/explain/relations.ts'
import { createCauseWatch } from '../../../src/systemd/causes/cause-watch.ts'
import { IDLE, SETTINGS } from '../../core/step-driver.ts'
import { fakeBus } from '../fake-bus.ts'

const RUN = 'a1'

/** `app.service` runs, with this relation to the other unit, which is not watched. */
function watching(relation: Relation, other: string) {
  const fake = fakeBus()
  const late: (readonly [unit: string, run: string, because: Because])[] = []
  const at = { monoMs: 50_000, wallMs: 0 }
  const clock = { now: () => at, wallMsOf: () => 0, after: () => () => {} }
  const causes = createCauseWatch(fake.bus, clock, (...proven) => late.push(proven))
  const snapshot = { ...IDLE, activeState: 'active', subState: 'running', invocationId: RUN, changedAtMonoMs: 1 }
  const settings = { ...SETTINGS, relations: relationsOf((name) => (name === relation ? [other] : [])) }
  const read = () => causes.read({ id: 'app.service', snapshot, settings, controlGroup: '', slice: '' } as never)
  const change = (activeState: string, job: number) =>
    causes.changed('app.service', { ...snapshot, activeState, subState: 'x', job, changedAtMonoMs: at.monoMs })
  read()
  return { fake, causes, late, read, change, at }
}

it('a crash, a start and a stop of a unit without dependencies read nothing', () => {
  const { fake, causes, change } = watching('Conflicts', 'shutdown.target')
  change('failed', 0)
  causes.jobNew('app.service', 7)
  for (const state of ['inactive', 'activating', 'active']) change(state, 7)
  change('active', 0)
  change('active', 8)
  causes.jobNew('app.service', 8)
  for (const state of ['deactivating', 'inactive']) expect(change(state, 8)).toBe(null)
  expect(fake.waiting()).toEqual([])
})

it('a stop reads the unit to which this one is bound, once; what that proves follows if the run has ended before', () => {
  const { fake, causes, late, change } = watching('BindsTo', 'dev-modem.device')
  change('active', 7)
  causes.jobNew('app.service', 7)
  for (const state of ['deactivating', 'inactive']) expect(change(state, 7)).toBe(null)
  expect(fake.waiting()).toEqual(['GetAll dev_2dmodem_2edevice'])
  fake.reply({ ActiveState: 'inactive', ActiveExitTimestampMonotonic: 49_999_500 })
  expect(late).toEqual([['app.service', RUN, { unit: 'dev-modem.device', relation: 'BindsTo' }]])
  causes.jobRemoved('app.service', 7)
  expect(late).toHaveLength(1)
})

it('a stop in the same instant as a job of a related unit reads its type, and the unit if the job is done', () => {
  const { fake, causes, change } = watching('PartOf', 'group.target')
  causes.jobNew('group.target', 6)
  change('active', 7)
  causes.jobNew('app.service', 7)
  expect(fake.waiting()).toEqual(['Get 6'])
  fake.fail('org.freedesktop.DBus.Error.UnknownObject')
  expect(fake.waiting()).toEqual(['GetAll group_2etarget'])
  fake.reply({ ActiveState: 'inactive', ActiveExitTimestampMonotonic: 50_000_100 })
  change('deactivating', 7)
  expect(change('inactive', 7)).toEqual({ unit: 'group.target', relation: 'PartOf' })
})

it('after a reload of systemd the relations are read when the unit is stopped', () => {
  const { fake, causes, late, change } = watching('PartOf', 'group.target')
  causes.distrust('app.service')
  causes.jobNew('group.target', 6)
  change('active', 7)
  causes.jobNew('app.service', 7)
  change('inactive', 7)
  expect(fake.waiting()).toEqual(['GetAll app_2eservice'])
  fake.reply({ PartOf: ['group.target'] })
  expect(fake.waiting()).toEqual(['Get 6'])
  fake.reply('stop')
  expect(late.map(([, , because]) => because)).toEqual([{ unit: 'group.target', relation: 'PartOf' }])
})

it('nothing is added 2 s after the end', () => {
  const { fake, causes, late, change, at } = watching('BindsTo', 'dev-modem.device')
  change('active', 7)
  causes.jobNew('app.service', 7)
  change('inactive', 7)
  at.monoMs += 2001
  causes.jobType('app.service', 7, 'stop')
  fake.reply({ ActiveState: 'inactive', ActiveExitTimestampMonotonic: 49_999_500 })
  expect(late).toEqual([])
})
