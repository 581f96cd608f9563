// gatewatch clear with the built agent: counters, stored events and its own log, through the agent and without it.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Gatewatch, gatewatch } from '../rig/gatewatch.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

const CLEARED = { event: 'command', action: 'clear', outcome: 'done', who: null }

describeUnless(noSystemd(), 'clear', () => {
  const { systemd, directory, start, unitOf } = useRunningUnit()

  const crash = async (agent: Gatewatch) => {
    await systemd().kill('runs.service', 'SIGKILL')
    await until(() => agent.events(), { what: 'the crash', is: (all) => all.some(({ event }) => event === 'crash') })
    await systemd().start('runs.service')
    await until(() => agent.events(), { what: 'the start', is: (all) => all.at(-1)?.['event'] === 'start' })
  }
  const kinds = async (agent: Gatewatch) => (await agent.events()).map(({ event }) => event)

  test('clears counters, stored events and its log; the sequence continues, also after a kill and a restart', async () => {
    const log = join(directory(), 'agent.log')
    const eventsFile = join(directory(), 'events.jsonl')
    const other = join(directory(), 'other.log')
    writeFileSync(other, 'not a log of gatewatch\n')
    const options = { logFile: log, args: ['-l', log], env: { GATEWATCH_EVENTS_FILE: eventsFile } }
    const agent = await start(options)
    await crash(agent)
    const { stream } = await agent.getJson('/api/v1/status')
    const before = Number((await agent.events()).at(-1)?.['seq'])
    const run = (...args: string[]) => gatewatch('clear', '--socket', agent.socket, ...args)

    for (const refused of [other, '/dev/null']) {
      expect(run('-l', refused)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining(
          `${refused} is neither the log_file nor the events_file of the running agent; nothing was cleared`,
        ),
      })
    }
    expect(readFileSync(other, 'utf8')).toBe('not a log of gatewatch\n')
    expect(await kinds(agent)).toContain('crash')

    expect(run('-l', log)).toMatchObject({
      code: 0,
      stderr: `gatewatch: counters and stored events cleared; each running unit counts as one start; emptied ${log}\n`,
    })
    const events = await agent.events()
    expect(events).toMatchObject([
      { ...CLEARED, id: `${stream}-${before + 1}`, via: 'socket' },
      { event: 'start', service: 'runs.service', seq: before + 2, counters: { starts: 1, crashes: 0, lost: 0 } },
    ])
    expect(events[0]).not.toHaveProperty('service')
    expect(events[0]).not.toHaveProperty('counters')
    expect(await agent.getJson(`/api/v1/events?since=${stream}-${before - 1}`)).toMatchObject({ dropped: 1 })
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    expect(lines[0]).toContain('gatewatch:  Command clear via socket: done')
    expect(lines.join('\n')).not.toContain('CRASH')
    expect(readFileSync(eventsFile, 'utf8')).toContain('"crash"') // it was not named
    expect(run('-l', eventsFile).code).toBe(0)
    expect(readFileSync(eventsFile, 'utf8')).not.toContain('"crash"')

    await agent.end('SIGKILL')
    for (const _ of ['after a kill', 'after a clean stop']) {
      const again = await start()
      expect(await unitOf(again)).toMatchObject({ counters: { starts: 1, crashes: 0 } })
      expect(await kinds(again)).not.toContain('crash')
      expect(await again.getJson('/api/v1/status')).toMatchObject({ stream })
      await again.end()
    }
  })

  test('reports why a file cannot be emptied, and that a change is not on flash', async () => {
    const state = join(directory(), 'read-only')
    mkdirSync(state)
    const readOnly = `mount --bind ${state} ${state} && mount -o remount,ro,bind ${state} && exec "$0" "$@"`
    const options = {
      args: ['-p', join(state, 'state.ring')],
      env: { GATEWATCH_EVENTS_FILE: '/dev/null' },
      commandPrefix: ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', readOnly],
    }
    const agent = await start(options, false)
    const run = (...args: string[]) => gatewatch('clear', '--socket', agent.socket, ...args)
    expect(run('-l', '/dev/null')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot empty /dev/null: it is not a regular file; nothing was cleared'),
    })
    expect(await kinds(agent)).not.toContain('command')
    expect(run()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/the change is in effect, but could not be written to flash: .*read-only/),
    })
    expect((await kinds(agent))[0]).toBe('command')
  })

  test('with --keep-events, only the counters are cleared', async () => {
    const agent = await start()
    await crash(agent)
    const ran = gatewatch('clear', '--keep-events', '--socket', agent.socket)
    expect([ran.code, ran.stderr]).toEqual([
      0,
      'gatewatch: counters cleared, stored events kept; each running unit counts as one start\n',
    ])
    const kept = (await kinds(agent)).filter((kind) => kind !== 'gave_up')
    expect(kept.slice(1)).toEqual(['crash', 'start', 'command', 'start'])
    expect(await unitOf(agent)).toMatchObject({ counters: { starts: 1, crashes: 0 } })
  })

  test('without an agent, clears the state file and empties any regular file that is named', async () => {
    const agent = await start()
    await crash(agent)
    const log = join(directory(), 'old.log')
    writeFileSync(log, 'old line\n')
    const run = (...args: string[]) =>
      gatewatch('--clear', '--socket', join(directory(), 'none.sock'), '-p', agent.statePath, ...args)
    expect(run('-l', log)).toMatchObject({ code: 1, stderr: expect.stringContaining('another gatewatch is already') })
    expect(readFileSync(log, 'utf8')).toBe('old line\n')
    await agent.end()
    expect(run('-l', '/dev/null')).toMatchObject({
      code: 1,
      stderr: 'gatewatch: cannot empty /dev/null: it is not a regular file; nothing was cleared\n',
    })
    expect(run('-l', log)).toMatchObject({
      code: 0,
      stderr: `gatewatch: the agent is not running; counters and stored events cleared in the state file ${agent.statePath}; emptied ${log}\n`,
    })
    expect(readFileSync(log, 'utf8')).toBe('')
    expect(run('-l', join(directory(), 'absent.log')).code).toBe(0)
    expect(existsSync(join(directory(), 'absent.log'))).toBe(false)
    const again = await start()
    const events = await again.events()
    expect(events.map(({ event }) => event)).not.toContain('crash')
    expect(events[0]).toMatchObject({ ...CLEARED, via: 'state_file' })
    expect(await unitOf(again)).toMatchObject({ counters: { starts: 1, crashes: 0 } })
  })
})
