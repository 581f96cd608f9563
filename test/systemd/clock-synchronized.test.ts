// Whether the clock is synchronised, from the real systemd-timedated, which the query starts.
import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { watchingConnected } from './watching.ts'

const PROGRAM = '/lib/systemd/systemd-timedated'
const UNIT = 'dbus-org.freedesktop.timedate1.service'

describeUnless(noSystemd() ?? (existsSync(PROGRAM) ? null : `not installed: ${PROGRAM}`), 'a source', () => {
  test('shows what the kernel reports, and starts systemd-timedated for it; without that it is unknown', async () => {
    await using rig = await startSystemd()
    await using w = await watchingConnected(rig.busAddress, ['dbus.service'])
    expect(await w.source.clockSynchronized()).toBeNull()
    rig.writeUnit(UNIT, `[Service]\nType=dbus\nBusName=org.freedesktop.timedate1\nExecStart=${PROGRAM}\n`)
    await rig.daemonReload()
    expect(await rig.show(UNIT, 'ActiveState')).toEqual({ ActiveState: 'inactive' })
    const synced = await w.source.clockSynchronized()
    expect(await rig.show(UNIT, 'ActiveState')).toEqual({ ActiveState: 'active' })
    const at = ['org.freedesktop.timedate1', '/org/freedesktop/timedate1', 'org.freedesktop.timedate1']
    const { stdout } = await rig.busctl('get-property', ...at, 'NTPSynchronized')
    expect(`b ${synced}`).toBe(stdout.trim())
  })
})
