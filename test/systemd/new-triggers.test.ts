// Units that systemd loads and that start watched ones: the watched ones are reported as changed, in time and not in a loop.
import { beforeEach, expect, it } from 'vitest'
import { createNewTriggers, type NewTriggers } from '../../src/systemd/new-triggers.ts'
import { unitPath } from '../../src/systemd/unit-path.ts'
import { type TestClock, testClock } from '../rig/clock.ts'
import { type FakeBus, fakeBus } from './fake-bus.ts'

const WATCHED = ['a.service', 'b.service']
let fake: FakeBus
let clock: TestClock
let triggers: NewTriggers
let changed: string[]
beforeEach(() => {
  fake = fakeBus()
  clock = testClock()
  changed = []
  triggers = createNewTriggers({
    bus: fake.bus,
    clock,
    labelsAt: (path) => WATCHED.filter((label) => unitPath(label) === path),
    changed: (label) => changed.push(label),
  })
})

it('changes the unit of the same name at once, and those that it names when it was read', () => {
  triggers.loaded('a.timer')
  expect(changed).toEqual(['a.service'])
  fake.reply({ Triggers: ['a.service', 'b.service', 'other.service'], Upholds: [] })
  expect(changed).toEqual(['a.service', 'b.service'])
})

it('changes the units that a target upholds', () => {
  triggers.loaded('holder.target')
  fake.reply({ Triggers: [], Upholds: ['b.service'] })
  expect(changed).toEqual(['b.service'])
})

it('is not read again because the read loaded it', () => {
  triggers.loaded('x.timer')
  triggers.loaded('x.timer')
  expect(fake.waiting()).toEqual(['GetAll x_2etimer'])
  clock.advance(10_000)
  triggers.loaded('x.timer')
  expect(fake.waiting()).toHaveLength(2)
})

it('of another type, or with a reply that makes no sense, changes nothing', () => {
  for (const name of ['a.service', 'a.mount', 'a.slice', 'a.timer.service']) triggers.loaded(name)
  expect(fake.waiting()).toEqual([])
  for (const reply of [null, 7, {}, { Triggers: 'x', Upholds: 3 }, { Triggers: [7, null] }]) {
    triggers.loaded(`t${changed.length + clock.now().monoMs}.timer`)
    fake.reply(reply)
    clock.advance(1)
  }
  triggers.loaded('t.timer')
  fake.fail('closed')
  expect(changed).toEqual([])
})

it('is read for a bounded number of units at once', () => {
  for (let i = 0; i < 1000; i++) triggers.loaded(`t${i}.timer`)
  expect(fake.waiting()).toHaveLength(256)
})
