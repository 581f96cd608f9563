import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Signal } from '../../src/dbus/bus.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { bodyBytes, FIXED_BYTES, fixedPartProblem, headerBytes, headerOf } from '../../src/dbus/message-header.ts'
import { changedProperties, namesByLength } from '../../src/dbus/read-properties.ts'
import { createSignalPairing, WANTED_PROPERTIES } from '../../src/systemd/decode.ts'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { clock } from '../systemd/clock.ts'
import { message, type Value } from '../systemd/wire.ts'

const ID = [...Array(16).keys()]
const OTHERS: Record<string, Value> = {
  StatusText: ['s', 'ActiveState'],
  MemoryCurrent: ['t', 18446744073709551615n],
  Flag: ['b', 1],
  Byte: ['y', 7],
  Signature: ['g', 'a{sv}'],
  Nested: ['v', ['v', ['a(sv)', [['x', ['u', 1]]]]]],
  ExecStop: ['a(sasbttttuii)', [['/bin/x', ['x', 'y'], 1, 1, 2, 3, 4, 5, 6, 7]]],
  Struct: ['(aiai)', [[1], [2, 3]]],
  Map: ['a{sv}', { ActiveState: ['s', 'wrong'] }],
  Empty: ['at', []],
  Bytes: ['ay', [1, 2, 3]],
  Path: ['o', '/a'],
}
const WANTED: Record<string, Value> = {
  ActiveState: ['s', 'active'],
  InvocationID: ['ay', ID],
  Job: ['(uo)', [73, '/org/freedesktop/systemd1/job/73']],
  StateChangeTimestampMonotonic: ['t', 2_145_883_999],
  ExecMainStatus: ['i', -9],
  NRestarts: ['u', 4],
}

function changed(properties: Record<string, Value>): Buffer {
  return message({
    type: 4,
    path: '/org/freedesktop/systemd1/unit/a_2eservice',
    interface: 'org.freedesktop.DBus.Properties',
    member: 'PropertiesChanged',
    sender: ':1.0',
    body: [
      ['s', 'org.freedesktop.systemd1.Unit'],
      ['a{sv}', properties],
      ['as', ['Invalidated']],
    ],
  })
}

const NAMES = namesByLength(WANTED_PROPERTIES)

/** Reads a message as the connection does. */
function read(bytes: Buffer, names = NAMES) {
  const headerSize = headerBytes(bytes)
  const size = headerSize + bodyBytes(bytes)
  if (fixedPartProblem(bytes, size) !== null || headerSize > bytes.length) return null
  const header = headerOf(bytes.subarray(0, headerSize), size)
  return typeof header === 'string' ? null : changedProperties(bytes, header.bodyAt, header.little, names)
}

it('reads the wanted values at any position among values of all types', () => {
  const expected = {
    interface: 'org.freedesktop.systemd1.Unit',
    properties: {
      ActiveState: 'active',
      InvocationID: Buffer.from(ID),
      Job: [73, '/org/freedesktop/systemd1/job/73'],
      StateChangeTimestampMonotonic: 2_145_883_999,
      ExecMainStatus: -9,
      NRestarts: 4,
    },
  }
  const all = Object.entries({ ...OTHERS, ...WANTED })
  for (let turn = 0; turn < all.length; turn++) {
    const turned = Object.fromEntries([...all.slice(turn), ...all.slice(0, turn)])
    expect(read(changed(turned))).toEqual(expected)
  }
})

it('reads the conditions of a unit, and why it could not be loaded', () => {
  const conditions = [
    ['ConditionPathExists', 1, 0, '/etc/a', -1],
    ['ConditionHost', 0, 1, 'gw-7', 1],
  ]
  const bytes = changed({ Conditions: ['a(sbbsi)', conditions], LoadError: ['(ss)', ['a.Name', 'why']], ...OTHERS })
  expect(read(bytes, namesByLength(['Conditions', 'LoadError']))?.properties).toEqual({
    Conditions: [
      ['ConditionPathExists', true, false, '/etc/a', -1],
      ['ConditionHost', false, true, 'gw-7', 1],
    ],
    LoadError: ['a.Name', 'why'],
  })
})

it('leaves out a wanted property whose type is unexpected', () => {
  expect(read(changed({ ActiveState: ['ao', ['/x']], SubState: ['s', 'dead'] }))?.properties).toEqual({
    SubState: 'dead',
  })
})

it('throws a RangeError or reads something from any bytes: it neither hangs nor reads beyond the end', () => {
  const good = changed({ ...OTHERS, ...WANTED })
  const attempt = (bytes: Buffer) => {
    try {
      read(bytes)
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError)
    }
  }
  for (let cut = FIXED_BYTES + 1; cut < good.length; cut++) attempt(good.subarray(0, cut))
  const position = fc.integer({ min: FIXED_BYTES, max: good.length - 1 })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(position, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
      (changes) => {
        const bytes = Buffer.from(good)
        for (const [at, byte] of changes) bytes[at] = byte
        attempt(bytes)
      },
    ),
    { numRuns: 5000 },
  )
})

describeUnless(noSystemd(), 'the signals of a real systemd', () => {
  it('are read with the same result as by dbus-next', async () => {
    await using rig = await startSystemd()
    rig.writeUnit('again.service', '[Service]\nExecStart=/bin/sleep 1000\nRestart=always\nRestartSec=0\n')
    rig.writeUnit('talk.socket', '[Socket]\nListenStream=/run/talk.sock\nAccept=yes\n')
    rig.writeUnit('talk@.service', '[Service]\nExecStart=/bin/cat\n')
    await rig.daemonReload()
    const options = [{ properties: WANTED_PROPERTIES }, {}]
    const [ours, theirs] = await Promise.all(
      options.map(async (option) => {
        const bus = await connectBus(rig.busAddress, { after: clock.after, ...option })
        await bus.addMatch("type='signal',sender='org.freedesktop.systemd1',member='PropertiesChanged'")
        await bus.call(
          'org.freedesktop.systemd1',
          '/org/freedesktop/systemd1',
          'org.freedesktop.systemd1.Manager',
          'Subscribe',
        )
        const pairs = createSignalPairing()
        const snapshots: unknown[] = []
        bus.onSignal(
          (signal: Signal) => snapshots.push([signal.path, pairs.changed(signal.path, signal.body, signal.serial)]),
          (header) => header.member === 'PropertiesChanged',
        )
        return { bus, snapshots }
      }),
    )
    if (ours === undefined || theirs === undefined) throw new Error('unreachable')
    const before = ours.snapshots.length - theirs.snapshots.length
    await rig.start('again.service')
    await rig.kill('again.service')
    await rig.start('talk.socket')
    await rig.stop('again.service')
    await rig.stop('talk.socket')
    const enough = () => ours.snapshots.length > 30 && ours.snapshots.length - theirs.snapshots.length === before
    await until(enough, { what: 'the same number of signals in both' })
    await new Promise((resolve) => setTimeout(resolve, 200))
    const common = Math.min(ours.snapshots.length, theirs.snapshots.length)
    expect(ours.snapshots.slice(-common)).toEqual(theirs.snapshots.slice(-common))
    expect(ours.snapshots.flat()).toContainEqual(
      expect.objectContaining({ result: 'signal', mainStatus: 9, activeState: 'failed' }),
    )
    ours.bus.close()
    theirs.bus.close()
  })
})
