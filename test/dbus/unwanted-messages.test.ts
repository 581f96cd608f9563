// Messages from other clients of the bus: they are skipped, however large or many they are, and the connection remains.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Bus } from '../../src/dbus/bus.ts'
import { connectBus } from '../../src/dbus/connection.ts'
import { attackBus, type HostileMessages } from '../rig/attack/bus.ts'
import { type Bus as Daemon, startDbus } from '../rig/dbus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { clock } from '../systemd/clock.ts'

const { after } = clock
const DRIVER = 'org.freedesktop.DBus'
const DRIVER_PATH = '/org/freedesktop/DBus'
const MIB = 1 << 20

describeUnless(missingPrograms('dbus-daemon', 'setpriv'), 'messages of another client on a real bus', () => {
  let directory: string
  let daemon: Daemon
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gw-unwanted-'))
    chmodSync(directory, 0o755) // the attacker is another user
    daemon = await startDbus({ directory })
  })
  afterAll(async () => {
    await daemon.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  /** Attacks a connection that follows the names of the bus while names come and go; returns what it noticed. */
  async function attacked(messages: readonly HostileMessages[]) {
    const faults: string[] = []
    const reasons: string[] = []
    const names: string[] = []
    const bus = await connectBus(daemon.address, { after, onFault: (problem) => faults.push(problem) })
    const friend = await connectBus(daemon.address, { after })
    bus.onClose((reason) => reasons.push(reason))
    bus.onSignal(
      ({ body }) => names.push(String(body[0])),
      ({ sender, member }) => sender === DRIVER && member === 'NameOwnerChanged',
    )
    await bus.addMatch("type='signal',member='NameOwnerChanged',arg0namespace='org.example'")
    let done = false
    const attack = attackBus(daemon.address, bus.uniqueName, messages).finally(() => {
      done = true
    })
    const expected: string[] = []
    while (!done || expected.length === 0) {
      const name = `org.example.N${expected.length}`
      await driver(friend, 'RequestName', 'su', [name, 0])
      expected.push(name)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await attack
    await driver(bus, 'GetId').catch(() => {})
    await until(() => names.length, { what: 'every signal of the bus', is: (n) => n >= expected.length })
    friend.close()
    const all = names.length === expected.length && names.every((name, i) => name === expected[i])
    bus.close('test ends')
    return { faults, reasons, all }
  }

  const driver = (bus: Bus, member: string, signature = '', body: unknown[] = []) =>
    bus.call(DRIVER, DRIVER_PATH, DRIVER, member, signature, body)

  const legal: [what: string, messages: HostileMessages[]][] = [
    ['of 15 MiB', [{ count: 8, bodyBytes: 15 * MIB }]],
    ['of 15 MiB in big-endian byte order', [{ count: 4, bodyBytes: 15 * MIB, bigEndian: true }]],
    ['100,000 small ones', [{ count: 100_000 }]],
    ['100,000 that look like changed properties', [{ count: 100_000, member: 'PropertiesChanged' }]],
    ['with the longest header that is read', [{ count: 50, pathBytes: 65_000 }]],
  ]
  it.each(legal)('%s are skipped, and no other signal is missed', async (_, messages) => {
    expect(await attacked(messages)).toEqual({ faults: [], reasons: ['test ends'], all: true })
  })

  it('above the limit of size are skipped and counted, and no other signal is missed', async () => {
    const tooLarge: HostileMessages[] = [
      { count: 6, bodyBytes: 17 * MIB },
      { count: 2, bodyBytes: 17 * MIB, bigEndian: true },
      { count: 1, bodyBytes: 31 * MIB },
      { count: 3, pathBytes: 100_000 },
    ]
    const { faults, reasons, all } = await attacked(tooLarge)
    expect([reasons, all]).toEqual([['test ends'], true])
    expect(faults.filter((fault) => /^skipped a message of \d{8} bytes from :1\.\d+$/.test(fault))).toHaveLength(9)
    expect(faults.filter((fault) => /^skipped a message with a header of 100\d{3} bytes$/.test(fault))).toHaveLength(3)
    expect(faults).toHaveLength(12)
  })
})
