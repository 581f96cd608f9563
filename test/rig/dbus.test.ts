// The dbus-daemon for tests: it works, several are independent, and it leaves nothing behind.
import { execFile, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { startDbus } from './dbus.ts'
import { describeUnless, missingPrograms } from './unavailable.ts'
import { until } from './until.ts'

const names = async (address: string) => (await promisify(execFile)('busctl', [`--address=${address}`, 'list'])).stdout

describeUnless(missingPrograms('dbus-daemon', 'busctl', 'setpriv'), 'the dbus-daemon rig', () => {
  it('responds, and several are independent of each other', async () => {
    await using one = await startDbus()
    await using two = await startDbus()
    expect(one.address).not.toBe(two.address)
    expect(await names(one.address)).toContain('org.freedesktop.DBus')
    expect(await names(two.address)).toContain('org.freedesktop.DBus')
  })

  it('leaves no process and no file behind', async () => {
    const bus = await startDbus()
    await bus.stop()
    expect(existsSync(`/proc/${bus.pid}`)).toBe(false)
    expect(existsSync(dirname(bus.socketPath))).toBe(false)
  })

  it('restarts at the same address', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gw-bus-test-'))
    try {
      const first = await startDbus({ directory })
      await first.stop()
      await using second = await startDbus({ directory })
      expect(second.address).toBe(first.address)
      expect(await names(second.address)).toContain('org.freedesktop.DBus')
    } finally {
      rmSync(directory, { recursive: true, force: true })
    }
  })

  it('reports why it could not start', async () => {
    await expect(startDbus({ config: '<nonsense>' })).rejects.toThrow(
      /dbus-daemon exited with 1: .*nonsense|mismatched/,
    )
  })

  it('ends with its owner', async () => {
    const code = `const { startDbus } = await import('./test/rig/dbus.ts'); console.log((await startDbus()).pid)`
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code])
    const pid = await new Promise<string>((resolve) =>
      owner.stdout.once('data', (text) => resolve(String(text).trim())),
    )
    expect(existsSync(`/proc/${pid}`)).toBe(true)
    owner.kill('SIGKILL')
    await until(() => !existsSync(`/proc/${pid}`), { what: 'the bus to be gone' })
  })
})
