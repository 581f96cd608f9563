// The check whether running units are frozen: which are checked, how many at a time, and what happens with the reply.
import { beforeEach, expect, it } from 'vitest'
import type { UnitSnapshot } from '../../src/core/unit.ts'
import { createFreezerCheck, type FreezerCheck } from '../../src/systemd/freezer-check.ts'
import { type TestClock, testClock } from '../rig/clock.ts'
import { type FakeBus, fakeBus } from './fake-bus.ts'

let fake: FakeBus
let clock: TestClock
let check: FreezerCheck
let read: string[]
let removed: string | null
beforeEach(() => {
  fake = fakeBus()
  clock = testClock()
  read = []
  removed = null
  check = createFreezerCheck({
    bus: fake.bus,
    clock,
    isWatched: (label) => label !== removed,
    read: (label) => read.push(label),
  })
})
const note = (label: string, activeState = 'active', frozen = false) =>
  check.note(label, { activeState, frozen } as UnitSnapshot)

it('reads a unit that was frozen or thawed', () => {
  note('a.service')
  note('b.service', 'active', true)
  clock.advance(30_000)
  expect(fake.waiting()).toEqual(['Get a_2eservice', 'Get b_2eservice'])
  fake.reply('frozen')
  fake.reply('frozen-by-parent')
  expect(read).toEqual(['a.service'])
  note('a.service', 'active', true)
  clock.advance(30_000)
  fake.reply('frozen')
  fake.reply('running')
  expect(read).toEqual(['a.service', 'b.service'])
})

it('leaves out units that are at rest, that have no processes, or that are not watched any more', () => {
  note('rests.service')
  note('rests.service', 'inactive')
  note('failed.service', 'failed')
  note('t.timer')
  note('gone.service')
  removed = 'gone.service'
  clock.advance(30_000)
  expect(fake.waiting()).toEqual([])
})

it('checks 25 units at a time, in turn', () => {
  for (let i = 0; i < 60; i++) note(`u${i}.service`)
  const rounds = [25, 50, 75].map((total) => {
    clock.advance(30_000)
    expect(fake.waiting()).toHaveLength(total)
    return fake.waiting().at(-1)
  })
  expect(rounds).toEqual(['Get u24_2eservice', 'Get u49_2eservice', 'Get u14_2eservice'])
})

it('continues after an error, and ends if systemd does not know FreezerState, and with the session', () => {
  note('a.service')
  clock.advance(30_000)
  fake.fail('org.freedesktop.DBus.Error.NoReply')
  clock.advance(30_000)
  fake.fail('org.freedesktop.DBus.Error.UnknownProperty')
  expect(clock.pending()).toBe(0)
  check.end()
  expect(read).toEqual([])
})
