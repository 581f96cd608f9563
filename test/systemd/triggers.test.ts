// What starts a watched unit: whether it is active, by its signals and by reads after each gap.
import { beforeEach, expect, it } from 'vitest'
import { createTriggers, type Triggers } from '../../src/systemd/triggers.ts'
import { unitPath } from '../../src/systemd/unit-path.ts'
import { type FakeBus, fakeBus } from './fake-bus.ts'

const ACTIVE = { ActiveState: 'active', SubState: 'waiting' }
const INACTIVE = { ActiveState: 'inactive', SubState: 'dead' }
let fake: FakeBus
let triggers: Triggers
let reports: string[]
beforeEach(() => {
  fake = fakeBus()
  reports = []
  triggers = createTriggers(fake.bus, (label, active) => reports.push(`${label} ${active}`))
})
const reported = () => reports.splice(0)

it('is reported once its state is known, and at each change', () => {
  triggers.set('a.service', ['a.timer'])
  expect(triggers.has(unitPath('a.timer'))).toBe(true)
  expect(reported()).toEqual([])
  fake.reply(ACTIVE)
  triggers.changed(unitPath('a.timer'), { ActiveState: 'active', SubState: 'running' })
  expect(reported()).toEqual(['a.service true'])
  triggers.changed(unitPath('a.timer'), { Result: 'success' })
  triggers.changed(unitPath('a.timer'), 7)
  expect(reported()).toEqual([])
  triggers.changed(unitPath('a.timer'), INACTIVE)
  expect(reported()).toEqual(['a.service false'])
})

it('is reported again after each read of the unit, even if it has not changed', () => {
  triggers.set('a.service', ['a.timer'])
  fake.reply(INACTIVE)
  expect(reported()).toEqual(['a.service false'])
  triggers.set('a.service', ['a.timer'])
  expect(reported()).toEqual(['a.service false'])
  expect(fake.waiting()).toEqual([])
})

it('is read again when all units are read again, and is unknown until then', () => {
  triggers.set('a.service', ['a.timer'])
  fake.reply(INACTIVE)
  reported()
  triggers.begin(() => true)
  triggers.set('a.service', ['a.timer'])
  expect(reported()).toEqual([])
  expect(fake.waiting()).toEqual(['GetAll a_2etimer'])
  fake.reply(INACTIVE)
  expect(reported()).toEqual(['a.service false'])
})

it('is active if one of several is, and inactive only if all are known to be', () => {
  triggers.set('a.service', ['a.timer', 'a.path'])
  fake.reply(INACTIVE)
  expect(reported()).toEqual([])
  fake.reply(ACTIVE)
  expect(reported()).toEqual(['a.service true'])
  triggers.changed(unitPath('a.path'), INACTIVE)
  expect(reported()).toEqual(['a.service false'])
})

it('is read once for all units that it starts', () => {
  triggers.set('a.service', ['holder.target'])
  triggers.set('b.service', ['holder.target'])
  expect(fake.waiting()).toEqual(['GetAll holder_2etarget'])
  fake.reply(ACTIVE)
  expect(reported()).toEqual(['a.service true', 'b.service true'])
})

it('is not followed once no watched unit is started by it', () => {
  triggers.set('a.service', ['t.timer'])
  triggers.set('b.service', ['t.timer'])
  triggers.set('a.service', [])
  expect(triggers.has(unitPath('t.timer'))).toBe(true)
  triggers.begin((label) => label !== 'b.service')
  expect(triggers.has(unitPath('t.timer'))).toBe(false)
  fake.reply(ACTIVE)
  expect(reported()).toEqual([])
})

it('remains unknown while it cannot be read, and is read again with the settings of the unit', () => {
  triggers.set('a.service', ['a.timer'])
  fake.fail('org.freedesktop.DBus.Error.UnknownObject')
  expect(reported()).toEqual([])
  triggers.set('a.service', ['a.timer'])
  fake.reply({ ActiveState: 'inactive', SubState: 'dead' })
  expect(reported()).toEqual(['a.service false'])
})

it('is unknown while its job is queued: a target starts the unit that it upholds before it is active itself', () => {
  triggers.set('a.service', ['a.target'])
  fake.reply({ ActiveState: 'inactive', SubState: 'dead', Job: [23, '/org/freedesktop/systemd1/job/23'] })
  expect(reported()).toEqual([])
  triggers.changed(unitPath('a.target'), { ActiveState: 'active', SubState: 'active', Job: [0, '/'] })
  expect(reported()).toEqual(['a.service true'])
  triggers.changed(unitPath('a.target'), { ActiveState: 'inactive', SubState: 'dead', Job: [24, '/'] })
  triggers.changed(unitPath('a.target'), { ActiveState: 'inactive', SubState: 'dead', Job: [0, '/'] })
  expect(reported()).toEqual(['a.service false'])
})

it('is a timer that will not elapse again: inactive', () => {
  triggers.set('a.service', ['a.timer'])
  fake.reply({ ActiveState: 'active', SubState: 'elapsed' })
  expect(reported()).toEqual(['a.service false'])
})

it('is followed for a bounded number of units; those beyond remain unknown', () => {
  for (let i = 0; i < 1001; i++) triggers.set(`${i}.service`, [`${i}.timer`])
  expect(fake.waiting()).toHaveLength(1000)
  expect(triggers.has(unitPath('1000.timer'))).toBe(false)
  for (let i = 0; i < 1000; i++) fake.reply(INACTIVE)
  expect(reports).toHaveLength(1000)
})
