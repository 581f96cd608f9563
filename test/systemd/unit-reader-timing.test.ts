// When a unit is read that was found, loaded or failed since: at once, later, or not at all, and never twice at a time.
import { beforeEach, expect, it } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import { createSignalPairing } from '../../src/systemd/decode.ts'
import { createUnitReader, type UnitReader } from '../../src/systemd/unit-reader.ts'
import { configuredUnits, createWatchList, type WatchList } from '../../src/systemd/watch-list.ts'
import { type TestClock, testClock } from '../rig/clock.ts'
import { type FakeBus, fakeBus } from './fake-bus.ts'

const A = 'a.service'
const FOUND = 'plain@b.service'
let fake: FakeBus
let clock: TestClock
let list: WatchList
let units: UnitReader
let observed: string[]
beforeEach(() => {
  fake = fakeBus()
  clock = testClock()
  observed = []
  list = createWatchList(configuredUnits(['a', 'plain@*', 'conn@*']), [], 10, () => {})
  units = createUnitReader({
    bus: fake.bus,
    list,
    pairing: createSignalPairing(),
    clock,
    log: () => {},
    observe: (o: Observation) => observed.push(`${o.kind} ${'unit' in o ? o.unit : ''}`),
    malformed: () => {},
    noReply: () => {},
    isConnection: (label) => label.startsWith('conn@'),
    overflowed: () => {},
    wasRead: (label) => observed.push(`was read ${label}`),
  })
})
const properties = (Id: string, ActiveState = 'active', LoadState = 'loaded') => ({
  Id,
  LoadState,
  ActiveState,
  SubState: ActiveState,
})
const CONN = 'conn@0-1.service'
const GET_A = 'GetAll a_2eservice'
const GET_CONN = 'GetAll conn_400_2d1_2eservice'
const GET_FOUND = 'GetAll plain_40b_2eservice'

it('reads a unit found through a signal at once, although it was read too early, and once', () => {
  units.consider(FOUND)
  clock.advance(500)
  fake.reply(properties(FOUND, 'inactive')) // an instance that does not run is not watched
  expect(observed).toEqual([])
  list.add(FOUND)
  units.moved(FOUND, 'activating')
  units.moved(FOUND, 'active')
  expect(fake.waiting()).toEqual([GET_FOUND])
  fake.reply(properties(FOUND))
  units.moved(FOUND, 'active')
  expect(fake.waiting()).toEqual([])
  expect(observed).toEqual([`read ${FOUND}`, `was read ${FOUND}`])
})

it('reports a unit that a read finds before anything else of it', () => {
  units.consider(FOUND)
  clock.advance(500)
  fake.reply(properties(FOUND))
  expect(observed).toEqual([`discovered ${FOUND}`, `read ${FOUND}`, `was read ${FOUND}`])
})

it('reads a unit that cannot be read at most once per second, however often it changes', () => {
  list.add(FOUND)
  units.moved(FOUND, 'active')
  fake.fail('org.freedesktop.DBus.Error.AccessDenied')
  for (let i = 0; i < 100; i++) {
    units.moved(FOUND, i % 2 === 0 ? 'failed' : 'active')
    clock.advance(9)
  }
  expect(fake.waiting()).toEqual([])
  clock.advance(100)
  expect(fake.waiting()).toEqual([GET_FOUND])
})

it('reads a unit that was loaded again a moment after it is up or has failed, unless it stops', () => {
  units.readAgain(A)
  fake.reply(properties(A))
  units.loaded(A)
  expect(fake.waiting()).toEqual([]) // 10 s have not passed: two monitors would otherwise cause each other to read it
  units.moved(A, 'active')
  units.moved(A, 'inactive')
  clock.advance(1000)
  expect(fake.waiting()).toEqual([])
  units.moved(A, 'active')
  units.moved(A, 'failed')
  units.moved(A, 'activating')
  clock.advance(200)
  expect(fake.waiting()).toEqual([GET_A])
  fake.reply(properties(A, 'failed'))
  units.moved(A, 'active')
  units.moved(A, 'failed')
  expect(clock.pending()).toBe(0)
})

it('reads a unit that could not be loaded and changes its state after a second; the end cancels that', () => {
  units.readAgain(A)
  fake.reply(properties(A, 'inactive', 'not-found'))
  units.moved(A, 'active')
  expect(fake.waiting()).toEqual([])
  units.end()
  clock.advance(5000)
  expect(fake.waiting()).toEqual([])
})

it('does not read a unit that is unloaded before it is read, and reads what the configuration names at once', () => {
  list.add(FOUND)
  units.loaded(FOUND)
  units.consider(CONN)
  units.unloaded(FOUND)
  units.unloaded(CONN)
  clock.advance(5000)
  expect(fake.waiting()).toEqual([])
  units.loaded(FOUND)
  units.loaded(A)
  expect(fake.waiting()).toEqual([GET_A])
  clock.advance(500)
  expect(fake.waiting()).toEqual([GET_A, GET_FOUND])
})

it('reads a connection that is over no more, until its unit is loaded again; other units always', async () => {
  for (const unit of [FOUND, CONN]) list.add(unit)
  void units.readThese([CONN])
  fake.reply(properties(CONN))
  for (const unit of [A, FOUND, CONN]) units.unloaded(unit) // the end of the connection was missed
  void units.readAll()
  expect(fake.waiting()).toEqual([GET_A, GET_FOUND, GET_CONN])
  for (let i = 0; i < 3; i++) fake.reply(properties(A, 'inactive'))
  units.moved(CONN, 'inactive')
  units.unloaded(CONN)
  void units.readAll()
  expect(fake.waiting()).toEqual([GET_A, GET_FOUND])
  units.loaded(CONN)
  void units.readThese(list.all())
  void units.readAll()
  expect(fake.waiting().filter((call) => call === GET_CONN)).toHaveLength(2)
})

it('knows nothing of a forgotten unit', () => {
  list.add(FOUND)
  units.moved(FOUND, 'active')
  fake.fail('org.freedesktop.DBus.Error.AccessDenied')
  units.moved(FOUND, 'failed')
  expect(units.unreadable()).toHaveLength(1)
  units.forget(FOUND)
  expect(units.unreadable()).toEqual([])
  clock.advance(5000)
  expect(fake.waiting()).toEqual([])
})

it('watches an idle instance that systemd lists if it stays loaded, and not one that only a query had loaded', () => {
  units.considerIdle(FOUND)
  units.considerIdle(CONN)
  units.unloaded(CONN)
  clock.advance(500)
  expect(fake.waiting()).toEqual([GET_FOUND])
  fake.reply(properties(FOUND, 'inactive'))
  expect(observed).toEqual([`discovered ${FOUND}`, `read ${FOUND}`, `was read ${FOUND}`])
  units.considerIdle(CONN)
  clock.advance(500)
  units.unloaded(CONN) // before the reply
  fake.reply(properties(CONN, 'inactive'))
  expect(list.has(CONN)).toBe(false)
})
