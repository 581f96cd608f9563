// The commands that operate units: the built program inside a real systemd.
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BINARY } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { writeControlUnits } from '../systemd/control-units.ts'

describeUnless(noSystemd(), 'the commands that operate units', () => {
  let rig: Systemd
  const gatewatch = (...words: string[]) => rig.exec(process.execPath, BINARY, ...words)
  const asUnprivileged = (...words: string[]) =>
    rig.exec('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, BINARY, ...words)

  beforeAll(async () => {
    rig = await startSystemd({ bind: [dirname(BINARY)] })
    writeControlUnits(rig)
    await rig.daemonReload()
  })
  afterAll(() => rig.stop())

  it('print the result for each unit, and set the exit code', async () => {
    expect(await gatewatch('start', 'runs')).toEqual({ code: 0, stdout: '', stderr: 'runs: start done\n' })
    expect(await gatewatch('restart', 'runs', 'fails', 'none')).toEqual({
      code: 5,
      stdout: '',
      stderr: `runs: restart done
gatewatch: fails: restart failed (exit 3); see 'journalctl -u fails'
gatewatch: none.service: no such unit: systemd found no unit file with this name
`,
    })
    const { code, stdout, stderr } = await gatewatch('start', 'needs', 'masked', '--json')
    expect([code, stderr]).toEqual([1, ''])
    expect(JSON.parse(stdout)).toEqual([
      { unit: 'needs.service', action: 'start', outcome: 'dependency', cause: null, error: null },
      {
        unit: 'masked.service',
        action: 'start',
        outcome: null,
        cause: null,
        error: {
          code: 'masked',
          message: "masked.service is masked; run 'systemctl unmask masked.service' to allow it to start",
        },
      },
    ])
    expect((await gatewatch('start', 'slow', '--no-block')).stderr).toBe('slow: start queued\n')
    expect((await gatewatch('stop', 'slow')).code).toBe(0)
    expect(await gatewatch('daemon-reload')).toEqual({
      code: 0,
      stdout: '',
      stderr: 'systemd has reloaded its unit files\n',
    })
    expect((await gatewatch('start', 'sink@*')).stderr).toContain(
      '"sink@*" is a pattern; this command requires unit names',
    )
  })

  it('list and show units', async () => {
    await gatewatch('start', 'fails')
    await gatewatch('reset-failed', 'slow')
    const { stdout: failed } = await gatewatch('list', '--failed')
    expect(failed).toMatch(
      /^UNIT +LOAD +STATE +SUB +DESCRIPTION\nfails.service +loaded +failed +failed +fails.service\n$/,
    )
    const units = JSON.parse((await gatewatch('list', '--json')).stdout)
    expect(units.find((one: { unit: string }) => one.unit === 'runs.service')).toEqual({
      unit: 'runs.service',
      load_state: 'loaded',
      active_state: 'active',
      sub_state: 'running',
      description: 'runs.service',
    })
    const { stdout } = await gatewatch('show', 'runs')
    expect(stdout).toMatch(/^ {2}State {9}active \(running\) since \d{4}-\S+Z \(\d+s\)$/m)
    expect(stdout).toMatch(/^ {2}Environment {3}A B C D E$/m)
    expect(stdout).toMatch(/^ {2}ExecReload {4}\/bin\/true$/m)
    expect(stdout).toMatch(/^ {2}Requires {6}.*sysinit.target/m)
    expect(stdout).not.toContain('x y')
    const shown = JSON.parse((await gatewatch('show', 'runs', '--json')).stdout)
    expect(shown).toMatchObject({
      ...{ unit: 'runs.service', active_state: 'active', user: 'nobody', working_directory: '/tmp', counters: null },
      ...{ environment_names: ['A', 'B', 'C', 'D', 'E'], properties: { LimitNOFILE: 'infinity', Type: 'simple' } },
    })
    expect(JSON.stringify(shown)).not.toContain('x y')
    expect((await gatewatch('show', 'none')).code).toBe(5)
  })

  it('use systemctl with the same results, and report when D-Bus is not available', async () => {
    expect(await gatewatch('restart', 'runs', '--backend', 'command')).toEqual({
      ...{ code: 0, stdout: '', stderr: 'runs: restart done\n' },
    })
    const noBus = ['--bus', 'unix:path=/nowhere']
    expect(await gatewatch('stop', 'runs', ...noBus)).toEqual({
      code: 0,
      stdout: '',
      stderr: `gatewatch: cannot reach systemd: cannot connect to the bus at unix:path=/nowhere: no such socket; using systemctl
runs: stop done
`,
    })
    expect(await gatewatch('start', 'runs', '--backend', 'dbus', ...noBus)).toEqual({
      code: 1,
      stdout: '',
      stderr: 'gatewatch: cannot reach systemd: cannot connect to the bus at unix:path=/nowhere: no such socket\n',
    })
  })

  it("operate the user's own systemd with --user, through both back ends", async () => {
    const env = [
      `XDG_RUNTIME_DIR=${rig.shareDir}`,
      `HOME=${rig.shareDir}`,
      `DBUS_SESSION_BUS_ADDRESS=unix:path=${rig.shareDir}/bus`,
    ]
    const inside = env.flatMap((one) => ['-E', one])
    await rig.exec('systemd-run', '-p', 'Delegate=yes', ...inside, '/lib/systemd/systemd', '--user')
    const asUser = (...words: string[]) => rig.exec('env', ...env, process.execPath, BINARY, '--user', ...words)
    await until(() => asUser('list'), { what: "the user's systemd", is: ({ code }) => code === 0 })
    expect(await asUser('create-unit', 'mine', '--', 'sleep', '1000')).toEqual({
      ...{ code: 0, stdout: '' },
      stderr: `wrote ${rig.shareDir}/.config/systemd/user/mine.service\nmine: enabled and started\n`,
    })
    for (const backend of ['dbus', 'command']) {
      expect((await asUser('restart', 'mine', '--backend', backend)).stderr).toBe('mine: restart done\n')
      expect((await asUser('show', 'mine', '--backend', backend)).stdout).toContain('active (running)')
    }
    expect((await asUser('remove-unit', 'mine')).code).toBe(0)
    expect((await gatewatch('show', 'mine')).code).toBe(5)
  })

  it('let any user read, and explain how to get permission when they refuse', async () => {
    await gatewatch('start', 'runs')
    expect((await asUnprivileged('show', 'runs')).stdout).toContain('active (running)')
    expect((await asUnprivileged('list', '--json', '--backend', 'command')).code).toBe(0)
    for (const backend of ['dbus', 'command']) {
      expect(await asUnprivileged('stop', 'runs', '--backend', backend)).toEqual({
        code: 4,
        stdout: '',
        stderr:
          "gatewatch: permission denied: nobody is not allowed to stop runs.service; run as root (sudo) or install gatewatch's polkit rule for this user\n",
      })
    }
    expect((await rig.show('runs.service', 'ActiveState'))['ActiveState']).toBe('active')
  })
})
