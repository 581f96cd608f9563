// The commands with a running agent and with its state file alone, and the import of the former program's counters.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BINARY, gatewatch } from '../rig/gatewatch.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

describeUnless(noSystemd(), 'the commands', () => {
  const { directory, start, startsOf, unitOf } = useRunningUnit()

  test('commands report an unreadable state file and leave it unchanged', () => {
    const damaged = join(directory(), 'damaged.ring')
    writeFileSync(damaged, 'x'.repeat(5000))
    const at = ['--socket', join(directory(), 'absent.sock'), '-p', damaged]
    for (const words of [
      ['status', ...at],
      ['events', ...at],
      ['clear', ...at],
      ['dump', damaged],
    ])
      expect(gatewatch(...words)).toEqual({
        code: 1,
        stdout: '',
        stderr: `gatewatch: ${damaged} is not a readable state file; an agent would move it aside and start a new one\n`,
      })
    expect(readFileSync(damaged, 'utf8')).toBe('x'.repeat(5000))
  })

  test('unknown options and commands are errors with the nearest known name', () => {
    expect(gatewatch('--servces', 'a')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'gatewatch: unknown option --servces: did you mean --services?\nsee: gatewatch help\n',
    })
    expect(gatewatch('statu')).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean status?') })
    expect(gatewatch('status', '--limit', '5')).toMatchObject({
      code: 2,
      stderr: 'gatewatch: --limit is not valid with status, only with events\nsee: gatewatch help status\n',
    })
  })

  test('errors are red on a terminal', () => {
    const command = `${process.execPath} ${BINARY} statu`
    const env = { ...process.env, TERM: 'xterm', NO_COLOR: '' }
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8', env })
    expect(stdout).toBe(
      '\u001b[31mgatewatch: unknown command "statu": did you mean status?\u001b[39m\r\nsee: gatewatch help\r\n',
    )
  })

  test('a wrong value in the environment, or a file that does not exist, is an error for commands too', () => {
    Object.assign(process.env, { GATEWATCH_TIMEOUT: 'soon', GATEWATCH_MQTT_QOS: '3' })
    const wrong = gatewatch('list')
    delete process.env['GATEWATCH_TIMEOUT']
    delete process.env['GATEWATCH_MQTT_QOS']
    expect(wrong).toEqual({
      code: 2,
      stdout: '',
      stderr:
        'gatewatch: GATEWATCH_MQTT_QOS: 3 is not a whole number from 0 to 2\n' +
        'gatewatch: GATEWATCH_TIMEOUT: "soon" is not a whole number from 1 to 86400\nsee: gatewatch help list\n',
    })
    expect(gatewatch('status', '--config', '/none')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^gatewatch: \/none: .*no such file.*\nsee: gatewatch help status\n$/),
    })
    expect(gatewatch('run', '--config', '/dev/zero')).toMatchObject({
      code: 2,
      stderr:
        'gatewatch: /dev/zero: cannot read the configuration file: it is a device, not a regular file\nsee: gatewatch help run\n',
    })
    expect(gatewatch('check-config', directory())).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/it is a directory, not a regular file\ngatewatch: \/.*: 1 problem\n$/),
    })
  })

  test('status and events exit with 4 without permission to use the socket, or to read the state file', async () => {
    const agent = await start()
    const asNobody = (command: string, ...args: string[]) => {
      const words = ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, BINARY, command, ...args]
      const { status, stderr } = spawnSync('setpriv', words, { encoding: 'utf8' })
      return { code: status, stderr }
    }
    for (const command of ['status', 'events', 'clear'])
      expect(asNobody(command, '--socket', agent.socket)).toEqual({
        code: 4,
        stderr: `gatewatch: no permission to use ${agent.socket}; run this as root or as a member of the group gatewatch\n`,
      })
    expect(asNobody('status', '--socket', '/none', '-p', agent.statePath)).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/^gatewatch: cannot read the state file .*state\.ring: permission denied\n$/),
    })
  })

  test('the state file of the former program is imported as the baseline, and stays unchanged', async () => {
    const legacy = join(directory(), 'service_states.json')
    const text = JSON.stringify({
      'runs.service': {
        last_state: 'active',
        last_change_time: 1,
        starts: 7,
        stops: 5,
        crashes: 3,
        logged_unloaded: false,
      },
    })
    writeFileSync(legacy, text)
    const agent = await start({ args: ['-p', legacy], env: { GATEWATCH_FLUSH_INTERVAL: '1' } })
    await until(() => startsOf(agent), { what: 'the baseline and one start', is: (starts) => starts === 8 })
    expect((await unitOf(agent)).counters).toEqual({ starts: 8, stops: 2, crashes: 3, restarts: 0, lost: 0 })
    expect(readFileSync(legacy, 'utf8')).toBe(text)
    expect(existsSync(`${legacy}.ring`)).toBe(true)
    await agent.end()
    const again = await start({ args: ['-p', legacy] })
    expect(await startsOf(again)).toBe(8)
  })

  test('import, clear, status, events and dump work with a running agent, and with the state file alone', async () => {
    const legacy = join(directory(), 'old.json')
    writeFileSync(legacy, JSON.stringify({ runs: { starts: 4, stops: 2, crashes: 1 } }))
    const agent = await start()
    const at = ['--socket', agent.socket, '-p', agent.statePath]
    expect(gatewatch('import', legacy, ...at)).toMatchObject({ code: 0 })
    expect(await startsOf(agent)).toBe(5)
    const more = join(directory(), 'more.json')
    writeFileSync(more, JSON.stringify({ runs: { starts: 4 }, gone: { starts: 1 }, lost: { starts: 1 } }))
    expect(gatewatch('import', more, ...at)).toMatchObject({ code: 1 })
    const logged = await until(() => agent.stderr().match(/imported baselines of .*/g) ?? [], {
      what: 'a line about each import',
      is: (lines) => lines.length === 2,
    })
    expect(logged).toEqual(Array(2).fill('imported baselines of 1 unit'))
    expect(gatewatch('clear', ...at)).toMatchObject({ code: 0 })
    expect(await startsOf(agent)).toBe(1)
    expect(gatewatch('status', ...at).stdout).toMatch(/^runs +active/m)
    expect(
      gatewatch('events', '--json', ...at)
        .stdout.trim()
        .split('\n')
        .map((line) => JSON.parse(line).event),
    ).toEqual(['command', 'start'])
    await agent.end()
    const env = { RUNTIME_DIRECTORY: join(directory(), 'run') }
    Object.assign(process.env, env)
    expect(gatewatch('import', legacy, ...at)).toMatchObject({ code: 0 })
    const status = gatewatch('status', '--json', ...at)
    expect(status.stderr).toContain('the agent is not running')
    expect(JSON.parse(status.stdout).units[0].counters.starts).toBe(5)
    expect(JSON.parse(gatewatch('dump', agent.statePath).stdout).units).toHaveLength(1)
    expect(gatewatch('version', '--json').stdout).toContain('"version"')
    expect(gatewatch('help', 'run').stdout).toContain('gatewatch')
    delete process.env['RUNTIME_DIRECTORY']
  })
})
