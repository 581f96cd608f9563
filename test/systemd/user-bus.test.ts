import { expect, it } from 'vitest'
import { startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { watching } from './watching.ts'

describeUnless(noSystemd(), 'the user bus', () => {
  it('is watched like the system bus, also if it appears later', async () => {
    await using rig = await startSystemd()
    const address = `unix:path=${rig.shareDir}/bus`
    const env = [
      '-E',
      `XDG_RUNTIME_DIR=${rig.shareDir}`,
      '-E',
      `HOME=${rig.shareDir}`,
      '-E',
      `DBUS_SESSION_BUS_ADDRESS=${address}`,
    ]
    await using w = await watching(address, ['mine'])
    await until(() => w.logs.length > 0, { what: 'a log line' })
    expect(w.logs[0]).toContain('no such socket')
    await rig.exec('systemd-run', '-p', 'Delegate=yes', ...env, '/lib/systemd/systemd', '--user')
    await w.loadState('mine.service', 'not-found')
    expect(w.logs.at(-1)).toBe('info bus: connected')
    const inside = env.filter((word) => word !== '-E')
    const started = await rig.exec('env', ...inside, 'systemd-run', '--user', '--unit=mine', '/bin/sleep', '1000')
    expect(started.code).toBe(0)
    await w.becomes('mine.service', { activeState: 'active', subState: 'running', job: 0 })
    await w.loadState('mine.service', 'loaded')
  })
})
