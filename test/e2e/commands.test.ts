// The commands with a running agent and with its state file alone, and the import of the former program's counters.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { gatewatch } from '../rig/gatewatch.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

describeUnless(noSystemd(), 'the commands', () => {
  const { directory, start, startsOf, unitOf } = useRunningUnit()

  test('commands report an unreadable state file and leave it unchanged', () => {
    const damaged = join(directory(), 'damaged.ring')
    writeFileSync(damaged, 'x'.repeat(5000))
    const at = ['--socket', join(directory(), 'absent.sock'), '-p', damaged]
    for (const words of [['status'], ['events'], ['clear'], ['dump']])
      expect(gatewatch(...words, ...at)).toEqual({
        code: 1,
        stdout: '',
        stderr: `gatewatch: ${damaged} is not a readable state file; an agent would move it aside and start a new one\n`,
      })
    expect(readFileSync(damaged, 'utf8')).toBe('x'.repeat(5000))
  })

  test('unknown options and commands are errors with the nearest known name', () => {
    expect(gatewatch('--servces', 'a')).toMatchObject({ code: 2, stderr: expect.stringContaining('--services') })
    expect(gatewatch('statu')).toMatchObject({ code: 2, stderr: expect.stringContaining('status') })
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
    expect(gatewatch('clear', ...at)).toMatchObject({ code: 0 })
    expect(await startsOf(agent)).toBe(1)
    expect(gatewatch('status', ...at).stdout).toMatch(/^runs +active/m)
    expect(
      gatewatch('events', '--json', ...at)
        .stdout.trim()
        .split('\n')
        .map((line) => JSON.parse(line).event),
    ).toEqual(['start', 'start'])
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
