// create-unit and remove-unit on a real systemd: all arguments reach the program unchanged, and removal is complete.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BINARY } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const ARGUMENTS = [
  '',
  'a b',
  '%n %% %',
  `$HOME \${HOME} $$`,
  `"it's"`,
  '\\x41\\',
  ';',
  '--',
  '-v',
  'two\nlines\tand\x07',
  'ä ✓',
  '*',
  '#no',
  '@:+!',
]

describeUnless(noSystemd(), 'create-unit and remove-unit', () => {
  let rig: Systemd
  const gatewatch = (...words: string[]) => rig.exec(process.execPath, BINARY, ...words)
  const file = () => join(rig.unitDir, 'blink.service')

  beforeAll(async () => {
    rig = await startSystemd({ bind: [dirname(BINARY)] })
    const program = `#!${process.execPath}
require('node:fs').writeFileSync('${rig.shareDir}/arguments.json', JSON.stringify([process.argv.slice(2), process.cwd(), process.env.COLOR, process.getuid()]))
setInterval(() => {}, 1e6)
`
    writeFileSync(join(rig.shareDir, 'blink $x %n'), program, { mode: 0o755 })
    writeFileSync(join(rig.shareDir, 'colors'), 'COLOR=green\n')
    await rig.exec('chmod', '0777', rig.shareDir)
  })
  afterAll(() => rig.stop())

  it('--dry-run prints the unit file and changes nothing', async () => {
    const { code, stdout } = await gatewatch('create-unit', 'blink', '--dry-run', '--', '/bin/sleep', '1 h')
    expect(code).toBe(0)
    expect(stdout).toContain('ExecStart="/bin/sleep" "1 h"\n')
    expect(existsSync(file())).toBe(false)
    expect((await gatewatch('create-unit', 'blink', '--dry-run', '--restart', 'now', '--', 'sleep')).stderr).toBe(
      'gatewatch: --restart: "now" is not one of no, on-success, on-failure, on-abnormal, on-watchdog, on-abort, always\n' +
        'see: gatewatch help create-unit\n',
    )
    expect(await gatewatch('create-unit', 'blink', '--', 'no-such\x1bprogram')).toMatchObject({
      code: 2,
      stderr: 'gatewatch: no-such\\x1bprogram: program not found or not executable\nsee: gatewatch help create-unit\n',
    })
  })

  it('create, start and watch a service with any arguments, and remove it completely', async () => {
    const config = join(rig.shareDir, 'config.json')
    writeFileSync(config, '{ "monitored_services": ["a.service"] } // ours\n')
    const settings = [
      '--run-as',
      'nobody',
      '--working-directory',
      rig.shareDir,
      '--memory-max',
      '64M',
      '--restart',
      'always',
    ]
    const moreSettings = ['--environment-file', join(rig.shareDir, 'colors'), '--watch', '--config', config]
    const program = join(rig.shareDir, 'blink $x %n')
    const made = await gatewatch('create-unit', 'blink', ...settings, ...moreSettings, '--', program, ...ARGUMENTS)
    expect(made).toMatchObject({ code: 0, stdout: '' })
    const received = await until(() => readFileSync(join(rig.shareDir, 'arguments.json'), 'utf8'), {
      what: 'the program',
    })
    expect(JSON.parse(received)).toEqual([ARGUMENTS, rig.shareDir, 'green', 65_534])
    expect(await rig.show('blink.service', 'ActiveState', 'UnitFileState', 'Restart', 'MemoryMax')).toEqual({
      ...{ ActiveState: 'active', UnitFileState: 'enabled', Restart: 'always', MemoryMax: '67108864' },
    })
    expect(readFileSync(config, 'utf8')).toMatch(/\[\s*"a.service",\s*"blink.service"\s*\]\s*} \/\/ ours\n$/)

    const again = await gatewatch('create-unit', 'blink', '--', '/bin/sleep', '1')
    expect(again).toMatchObject({
      code: 1,
      stderr: `gatewatch: blink.service already exists (/etc/systemd/system/blink.service); nothing was changed\n`,
    })

    expect((await gatewatch('remove-unit', 'blink')).code).toBe(0)
    expect(existsSync(file())).toBe(false)
    expect(await rig.show('blink.service', 'ActiveState', 'LoadState')).toEqual({
      ...{ ActiveState: 'inactive', LoadState: 'not-found' },
    })
    expect(readFileSync(config, 'utf8')).toMatch(/^{\s*"monitored_services": \[\s*"a.service"\s*\]\s*} \/\/ ours\n$/)
    expect((await rig.exec('find', '/etc/systemd/system', '-name', 'blink*')).stdout).toBe('')
  })

  it('do not touch units that create-unit has not created', async () => {
    rig.writeUnit('blink.service', '[Service]\nExecStart=/bin/sleep 1\n')
    expect(await gatewatch('remove-unit', 'blink')).toMatchObject({
      code: 1,
      stderr:
        "gatewatch: /etc/systemd/system/blink.service was not made by 'gatewatch create-unit'; it was not removed\n",
    })
    expect((await gatewatch('remove-unit', 'none')).code).toBe(5)
  })

  it('refuse a user that does not exist before anything is written, and leave nothing of a creation that fails', async () => {
    expect(await gatewatch('create-unit', 'broken', '--run-as', 'nosuchuser', '--', 'sleep', '1')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'gatewatch: --run-as: there is no user nosuchuser\nsee: gatewatch help create-unit\n',
    })
    const failed = await gatewatch('create-unit', 'broken', '--working-directory', '/none', '--', 'sleep', '1')
    expect(failed).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'wrote /etc/systemd/system/broken.service\nremoved /etc/systemd/system/broken.service\n' +
        "gatewatch: broken: start failed (exit 200); see 'journalctl -u broken.service'\n",
    })
    expect((await rig.exec('find', '/etc/systemd/system', '-name', 'broken*')).stdout).toBe('')
    expect(await rig.show('broken.service', 'ActiveState', 'LoadState')).toEqual({
      ...{ ActiveState: 'inactive', LoadState: 'not-found' },
    })
  })
})
