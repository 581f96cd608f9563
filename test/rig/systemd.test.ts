// The systemd rig: a real systemd per test, several at the same time, and nothing left behind.
import { spawn } from 'node:child_process'
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import { startSystemd } from './systemd.ts'
import { describeUnless, noSystemd } from './unavailable.ts'
import { until } from './until.ts'

const SLEEPER = '[Service]\nExecStart=sleep 1000\n'

/** The pid namespace of a process; readable only while the process exists. */
const namespaceOf = (pid: number | string) => readlinkSync(`/proc/${pid}/ns/pid`)

/** The pid namespace of a rig. It is kept open, because another rig may get the number of one that is gone. */
function holdNamespace(pid: number) {
  const fd = openSync(`/proc/${pid}/ns/pid`, 'r')
  return { name: namespaceOf(pid), [Symbol.dispose]: () => closeSync(fd) }
}

/** Every trace of a rig on the host: processes (its own and those inside), mounts, cgroups. */
function traces(name: string, namespace: string): string[] {
  const found: string[] = []
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      if (command.includes(name) || namespaceOf(pid) === namespace) found.push(`process ${pid} ${command.join(' ')}`)
    } catch {
      // it has exited since readdir
    }
  }
  for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
    if (line.includes(`/${name}/`)) found.push(`mount ${line}`)
  }
  for (const hierarchy of ['/sys/fs/cgroup', ...controllers()]) {
    for (const group of readdirSync(hierarchy)) {
      if (group.startsWith(`rig-${name}-`)) found.push(`cgroup ${hierarchy}/${group}`)
    }
  }
  return found
}

function controllers(): string[] {
  return readdirSync('/sys/fs/cgroup', { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => `/sys/fs/cgroup/${entry.name}`)
}

describeUnless(noSystemd(), 'the systemd rig', () => {
  it('starts, stops, kills and shows its units', async () => {
    await using systemd = await startSystemd()
    systemd.writeUnit('sleeper.service', SLEEPER)
    await systemd.daemonReload()

    await systemd.start('sleeper')
    const running = await systemd.show('sleeper.service', 'ActiveState', 'MainPID')
    expect(running).toEqual({ ActiveState: 'active', MainPID: expect.stringMatching(/^[1-9]\d*$/) })

    await systemd.kill('sleeper', 'SIGKILL')
    await until(() => systemd.show('sleeper', 'ActiveState', 'Result'), {
      what: 'systemd to notice the crash',
      is: (unit) => unit['ActiveState'] === 'failed' && unit['Result'] === 'signal',
    })

    await systemd.systemctl('reset-failed')
    await systemd.restart('sleeper')
    await systemd.stop('sleeper')
    expect(await systemd.show('sleeper', 'ActiveState', 'Result')).toEqual({
      ActiveState: 'inactive',
      Result: 'success',
    })
  })

  it('is reachable on its bus from outside, and returns the output of commands inside', async () => {
    await using systemd = await startSystemd()
    const path = '/org/freedesktop/systemd1'
    const manager = 'org.freedesktop.systemd1.Manager'
    const { code, stdout } = await systemd.busctl('get-property', 'org.freedesktop.systemd1', path, manager, 'Version')
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^s "/)])

    expect(await systemd.exec('sh', '-c', 'echo out; echo err >&2; exit 7')).toEqual({
      code: 7,
      stdout: 'out\n',
      stderr: 'err\n',
    })
    await expect(systemd.start('no-such.service')).rejects.toThrow(/systemctl start no-such.service: exit code 5/)
  })

  it('runs several at the same time, independent of each other', async () => {
    await using one = await startSystemd()
    await using two = await startSystemd()
    one.writeUnit('only-one.service', SLEEPER)
    await Promise.all([one.daemonReload(), two.daemonReload()])
    await one.start('only-one')
    expect(await two.show('only-one', 'LoadState')).toEqual({ LoadState: 'not-found' })
    expect(one.busAddress).not.toBe(two.busAddress)
  })

  it('has a shared directory with the same path inside and outside', async () => {
    await using systemd = await startSystemd()
    await systemd.exec('sh', '-c', `echo hello >${systemd.shareDir}/note`)
    expect(readFileSync(`${systemd.shareDir}/note`, 'utf8')).toBe('hello\n')
  })

  it('leaves no process, mount, cgroup or file behind when stopped', async () => {
    const systemd = await startSystemd()
    systemd.writeUnit('sleeper.service', SLEEPER)
    await systemd.daemonReload()
    await systemd.start('sleeper')
    using namespace = holdNamespace(systemd.pid)
    const before = traces(systemd.name, namespace.name).join('\n')
    expect(before).toMatch(/process \d+ sleep 1000/)
    expect(before).toMatch(/cgroup /)
    await systemd.stop()
    expect(traces(systemd.name, namespace.name)).toEqual([])
    expect(existsSync(dirname(systemd.unitDir))).toBe(false)
  })

  it('leaves nothing behind when its owner is killed with SIGKILL', async () => {
    const owner = spawn('sleep', ['1000'], { stdio: 'ignore' })
    const systemd = await startSystemd({ ownerPid: owner.pid ?? 0 })
    systemd.writeUnit('sleeper.service', SLEEPER)
    await systemd.daemonReload()
    await systemd.start('sleeper')
    using namespace = holdNamespace(systemd.pid)
    expect(traces(systemd.name, namespace.name)).not.toEqual([])
    owner.kill('SIGKILL')
    await until(() => traces(systemd.name, namespace.name), {
      what: 'every trace of the rig to be gone',
      is: (remaining) => remaining.length === 0,
    })
    await until(() => !existsSync(dirname(systemd.unitDir)), { what: 'its directory to be gone' })
  })
})
