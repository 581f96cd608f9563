// The options and the configuration file of the program that gatewatch replaces work unchanged.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  BINARY,
  type Gatewatch,
  gatewatch,
  removeDirectory,
  startGatewatch,
  temporaryDirectory,
} from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

describeUnless(noSystemd(), 'the former program', () => {
  let systemd: Systemd
  let directory: string
  let agent: Gatewatch | null = null

  beforeAll(async () => {
    systemd = await startSystemd()
    for (const unit of ['a', 'b']) systemd.writeUnit(`${unit}.service`, '[Service]\nExecStart=/bin/sleep infinity\n')
    systemd.writeUnit('c.service', '[Service]\nType=oneshot\nExecStartPre=/bin/true\nExecStart=/bin/true\n')
    await systemd.daemonReload()
    await systemd.start('a.service')
  })
  beforeEach(() => {
    directory = temporaryDirectory()
  })
  afterEach(async () => {
    await agent?.end()
    agent = null
    removeDirectory(directory)
  })
  afterAll(() => systemd.stop())

  test('all its options together', async () => {
    const log = join(directory, 'monitor.log')
    const state = join(directory, 'states.ring')
    agent = await startGatewatch(
      {
        busAddress: systemd.busAddress,
        directory,
        // The rig adds --prometheus-port 0.
        args: [
          '--services',
          'a,b',
          '--services',
          'c',
          '-p',
          state,
          '--debug',
          '--poll-interval',
          '5',
          '--stats-interval',
          '7',
        ],
      },
      true,
    )
    const { units } = (await agent.getJson('/api/v1/units')) as { units: { service: string }[] }
    expect(units.map((unit) => unit.service)).toEqual(['a.service', 'b.service', 'c.service'])
    expect(agent.stderr()).toContain('--poll-interval is ignored')
    await systemd.start('b.service')
    const lines = () =>
      (agent?.stderr() ?? '').split('\n').flatMap((line) => / - (\[INFO\] .*b\.service: .*)/.exec(line)?.[1] ?? [])
    expect(await until(lines, { what: 'the lines of the former program', is: ({ length }) => length > 2 })).toEqual([
      '[INFO] Initial state for b.service: inactive (SubState: dead)',
      '[INFO] b.service:  inactive      -> active        (SubState: running)',
      '[INFO] b.service:  Incrementing start counter -> 1',
    ])
    await systemd.start('c.service')
    await until(agent.stderr, {
      what: 'a line that only --debug writes',
      is: (text) => text.includes('[DEBUG] c.service:  activating (SubState: start-pre -> start)'),
    })
    expect(existsSync(state)).toBe(true)
    expect(existsSync(log)).toBe(false)
  })

  test('-l writes the log file, -c clears, --create-config writes a valid file, and -v and -h print', async () => {
    const file = join(directory, 'new.json')
    expect(gatewatch('--create-config', file)).toMatchObject({ code: 0 })
    expect(gatewatch('check-config', file)).toMatchObject({ code: 0 })
    expect(gatewatch('-v').stdout).toMatch(/^gatewatch \d/)
    expect(gatewatch('-h').stdout).toContain('--services')
    const log = join(directory, 'monitor.log')
    agent = await startGatewatch({
      busAddress: systemd.busAddress,
      directory,
      services: ['a'],
      args: ['--log-format', 'text'],
    })
    expect(gatewatch('-c', '--socket', agent.socket, '-p', agent.statePath)).toMatchObject({ code: 0 })
    await agent.end()
    const { code } = gatewatch('-l', log, '-p', join(directory, 'file', 'x'), '--prometheus-port', '99999')
    expect(code).toBe(2)
    expect(gatewatch('run', '-l', log, '--bus', 'nonsense').code).toBe(2)
  })

  test('-l on a terminal prints what is watched, where it logs, and the URL of /metrics', async () => {
    const log = join(directory, 'monitor.log')
    const words = ['run', '--services', 'a', 'b', '-l', log, '-p', join(directory, 'state.ring')]
    const places = ['--socket', join(directory, 'gw.sock'), '--bus', systemd.busAddress, '--prometheus-port', '0']
    const command = [process.execPath, BINARY, ...words, ...places, '--listen', '127.0.0.1'].join(' ')
    // script(1) runs it in a terminal of its own.
    const terminal = spawn('script', ['-qfec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'ignore'] })
    let shown = ''
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text
    })
    try {
      const is = (text: string) => text.includes('/metrics')
      const lines = (await until(() => shown, { what: 'the lines', is, timeoutMs: 30_000 })).trim().split('\r\n')
      expect(lines).toEqual([
        'watching a.service, b.service',
        `logging to ${log}`,
        expect.stringMatching(/^metrics at http:\/\/127\.0\.0\.1:\d+\/metrics$/),
      ])
      expect(readFileSync(log, 'utf8')).toContain(lines[2] ?? '')
    } finally {
      const ended = once(terminal, 'exit')
      terminal.stdin.write('\u0003') // Ctrl-C
      await ended
    }
  })

  test('its configuration file, including keys that are ignored', async () => {
    const file = join(directory, 'config.json')
    const log = join(directory, 'monitor.log')
    const former = {
      monitored_services: ['a.service', 'b.service'],
      poll_interval: 5,
      stats_interval: 60,
      max_retries: 3,
      log_file: log,
      persistence_file: join(directory, 'service_states.json'),
      prometheus_enabled: true,
      prometheus_port: 9100,
      debug: false,
    }
    writeFileSync(file, JSON.stringify(former, null, 2))
    agent = await startGatewatch({ busAddress: systemd.busAddress, directory, args: ['--config', file], logFile: log })
    expect(readFileSync(log, 'utf8')).toContain('poll_interval is ignored')
    const { units } = (await agent.getJson('/api/v1/units')) as { units: { service: string }[] }
    expect(units.map((unit) => unit.service)).toEqual(['a.service', 'b.service'])
    expect(gatewatch('check-config', file)).toMatchObject({ code: 0 })
  })
})
