// Reading units that systemd, or a policy of the bus, does not let the agent read.
import { expect, it } from 'vitest'
import { type Bus, busError, type Call } from '../../src/dbus/bus.ts'
import { createSignalPairing } from '../../src/systemd/decode.ts'
import { unitPath } from '../../src/systemd/unit-path.ts'
import { createUnitReader } from '../../src/systemd/unit-reader.ts'
import { configuredUnits, createWatchList } from '../../src/systemd/watch-list.ts'
import { testClock } from '../rig/clock.ts'

const DENIED = busError('org.freedesktop.DBus.Error.AccessDenied', 'access denied')

function unitProperties(id: string) {
  return {
    ...{ Id: id, LoadState: 'loaded', Restart: 'no', UnitFileState: 'static' },
    ...{ ActiveState: 'active', SubState: 'running', InvocationID: new Uint8Array(16), Job: [0, '/'] },
  }
}

function reader(...patterns: string[]) {
  const denied = new Set<string>()
  const logged: string[] = []
  const request: Bus['request'] = (call: Call, onReply) => {
    const name = ['a.service', 'b.service', 'x@1.service'].find((unit) => unitPath(unit) === call.path) ?? ''
    if (denied.has(name)) onReply(DENIED, [])
    else onReply(null, [unitProperties(name)])
  }
  const clock = testClock()
  const list = createWatchList(configuredUnits(patterns), [], 100, () => {})
  const units = createUnitReader({
    bus: { request } as Bus,
    list,
    pairing: createSignalPairing(),
    clock,
    log: (level, message) => void logged.push(`${level} ${message}`),
    observe: () => {},
    malformed: () => {},
    noReply: () => {},
    isConnection: () => false,
    overflowed: () => {},
    wasRead: () => {},
  })
  return { units, denied, logged, clock }
}

it('a watched unit that cannot be read is reported until it can be, and logged once', async () => {
  const { units, denied, logged } = reader('a', 'b')
  denied.add('b.service')
  await units.readAll()
  await units.readAll()
  expect(units.unreadable()).toEqual(['b.service: cannot read its properties: access denied'])
  expect(logged).toEqual([
    'warning b.service: cannot read its properties: access denied; retrying at the next reconciliation',
  ])
  denied.clear()
  await units.readAll()
  expect(units.unreadable()).toEqual([])
})

it('a unit that only matches a pattern, and is gone before it is read, is not reported', () => {
  const { units, denied, clock } = reader('a', 'x@*')
  denied.add('x@1.service')
  units.consider('x@1.service')
  clock.advance(500)
  expect(units.unreadable()).toEqual([])
})
