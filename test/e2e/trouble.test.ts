// What goes wrong in the field: each gets one clear line, and the agent goes on watching where it can.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Gatewatch, gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

describeUnless(noSystemd(), 'trouble', () => {
  let systemd: Systemd
  let directory: string
  const agents: Gatewatch[] = []
  const start = async (options: Partial<Parameters<typeof startGatewatch>[0]> = {}, ready = true) => {
    const agent = await startGatewatch(
      { busAddress: systemd.busAddress, services: ['runs'], directory, ...options },
      ready,
    )
    agents.push(agent)
    return agent
  }
  const unit = async (agent: Gatewatch) =>
    (await agent.getJson('/api/v1/units/runs.service')) as { counters: { starts: number } }
  const startsOf = async (agent: Gatewatch) => (await unit(agent)).counters.starts

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('runs.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    await systemd.start('runs.service')
  })
  beforeEach(() => {
    directory = temporaryDirectory()
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end('SIGKILL')
    removeDirectory(directory)
  })
  afterAll(() => systemd.stop())

  test('SIGTERM and SIGINT stop in order, flush and exit 0; the counters are there next time', async () => {
    const first = await start()
    expect(await first.end('SIGTERM')).toBe(0)
    const second = await start()
    expect(await startsOf(second)).toBe(1)
    expect(await second.events()).toHaveLength(1)
    expect(await second.end('SIGINT')).toBe(0)
    expect(second.stderr()).not.toContain('never used')
    expect(existsSync(second.socket)).toBe(false)
  })

  test('a state directory that is none: the agent watches, /-/ready says why, and it heals', async () => {
    writeFileSync(join(directory, 'file'), '')
    const agent = await start({ args: ['-p', join(directory, 'file', 'state.ring')] }, false)
    const ready = await until(() => agent.get('/-/ready'), {
      what: 'the reason',
      is: (r) => r.body.includes('state file'),
    })
    expect(ready.status).toBe(503)
    expect(ready.body).toContain(join(directory, 'file', 'state.ring'))
    await until(() => startsOf(agent), { what: 'the unit to be watched', is: (starts) => starts === 1 })
    expect(await agent.metric('gatewatch_flash_degraded')).toBe(1)
    expect(
      agent
        .stderr()
        .split('\n')
        .filter((line) => line.includes('state: write failed')),
    ).toHaveLength(1)
    rmSync(join(directory, 'file'))
    mkdirSync(join(directory, 'file'))
    await until(() => agent.metric('gatewatch_flash_degraded'), {
      what: 'the state to be kept',
      is: (v) => v === 0,
      timeoutMs: 20_000,
    })
    expect((await agent.get('/-/ready')).status).toBe(200)
  })

  test('a damaged state file is set aside, said once, and counting begins anew', async () => {
    const first = await start()
    await first.end()
    writeFileSync(first.statePath, Buffer.alloc(1_048_576, 0x5a))
    const second = await start()
    expect(await startsOf(second)).toBe(1)
    expect(readdirSync(directory).filter((name) => name.startsWith('state.ring.'))).toHaveLength(1)
    expect(second.stderr()).toContain('state.ring.')
  })

  test('a state file in memory is warned of once, and shown', async () => {
    const volatile = mkdtempSync('/dev/shm/gw-')
    try {
      const agent = await start({ args: ['-p', join(volatile, 'state.ring')] })
      expect(await agent.metric('gatewatch_state_volatile')).toBe(1)
      expect(
        agent
          .stderr()
          .split('\n')
          .filter((line) => line.includes('RAM-backed file system')),
      ).toHaveLength(1)
      const { state } = (await agent.getJson('/api/v1/status')) as { state: { volatile: boolean } }
      expect(state.volatile).toBe(true)
    } finally {
      removeDirectory(volatile)
    }
  })

  test('a second agent on one state file is refused, in words', async () => {
    const agent = await start()
    const second = gatewatch(
      '--bus',
      systemd.busAddress,
      '-p',
      agent.statePath,
      '--socket',
      join(directory, 'b.sock'),
      '--no-prometheus',
    )
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(`another gatewatch is already running with this state file: ${agent.statePath}`)
  })

  test('a port that is taken ends it in a terminal, naming the port', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    const { port } = (await until(() => server.address(), { what: 'a port' })) as { port: number }
    try {
      const { code, stderr } = gatewatch(
        '--bus',
        systemd.busAddress,
        '-p',
        join(directory, 's.ring'),
        '--socket',
        join(directory, 'b.sock'),
        '--listen',
        `127.0.0.1:${port}`,
      )
      expect(code).toBe(1)
      expect(stderr).toContain(`port ${port} on 127.0.0.1 is already in use`)
    } finally {
      server.close()
    }
  })

  test('no bus at the start: said once, metrics served, and watching begins when it comes', async () => {
    const bus = join(directory, 'bus')
    const agent = await start({ busAddress: `unix:path=${bus}` }, false)
    const ready = await agent.get('/-/ready')
    expect(ready.status).toBe(503)
    expect(ready.body).toContain(bus)
    expect(await agent.metric('systemd_service_state{service="runs.service"}')).toBe(-99)
    expect((await agent.get('/-/healthy')).status).toBe(200)
    symlinkSync(systemd.busAddress.replace('unix:path=', ''), bus)
    await until(() => startsOf(agent), {
      what: 'the unit to be watched',
      is: (starts) => starts === 1,
      timeoutMs: 40_000,
    })
    expect(
      agent
        .stderr()
        .split('\n')
        .filter((line) => line.includes('bus: not available')),
    ).toHaveLength(1)
  })

  test.each([
    ['broken JSON', '{\n  "debug": tru\n}', /:2:\d+: /],
    ['a wrong type', '{\n  "flush_interval": "soon"\n}', /:2:\d+: flush_interval.*"soon"/],
    ['an unknown key', '{\n  "flush_intervall": 60\n}', /:2:\d+: .*flush_intervall.*flush_interval/],
  ])('%s in the configuration is one line with its place, exit code 2', (_what, text, expected) => {
    const file = join(directory, 'config.json')
    writeFileSync(file, text)
    const { code, stderr } = gatewatch('--config', file)
    expect(code).toBe(2)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(expected)
    expect(stderr).toContain(file)
  })

  test('as a service a wrong value is shown, not fatal', async () => {
    const file = join(directory, 'config.json')
    writeFileSync(file, '{"flush_interval": "soon", "colour": 1}')
    const agent = await start({ args: ['--config', file], env: { INVOCATION_ID: 'a'.repeat(32) } }, false)
    const ready = await agent.get('/-/ready')
    expect(ready.body).toContain('flush_interval')
    expect(await agent.metric('gatewatch_config_problems')).toBe(2)
    expect(agent.stderr()).toMatch(/^<3>.*colour/m)
  })

  test('a state file that is none is called so by the commands, and left as it is', () => {
    const damaged = join(directory, 'damaged.ring')
    writeFileSync(damaged, 'x'.repeat(5000))
    const at = ['--socket', join(directory, 'nobody.sock'), '-p', damaged]
    for (const words of [['status'], ['events'], ['clear'], ['dump']])
      expect(gatewatch(...words, ...at)).toEqual({
        code: 1,
        stdout: '',
        stderr: `gatewatch: ${damaged} is not a readable state file; an agent would move it aside and start a new one\n`,
      })
    expect(readFileSync(damaged, 'utf8')).toBe('x'.repeat(5000))
  })

  test('unknown words name the nearest known one', () => {
    expect(gatewatch('--servces', 'a')).toMatchObject({ code: 2, stderr: expect.stringContaining('--services') })
    expect(gatewatch('statu')).toMatchObject({ code: 2, stderr: expect.stringContaining('status') })
  })

  test('the former program: its state file is the baseline and stays as it is', async () => {
    const legacy = join(directory, 'service_states.json')
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
    expect((await unit(agent)).counters).toEqual({ starts: 8, stops: 2, crashes: 3, restarts: 0, lost: 0 })
    expect(readFileSync(legacy, 'utf8')).toBe(text)
    expect(existsSync(`${legacy}.ring`)).toBe(true)
    await agent.end()
    const again = await start({ args: ['-p', legacy] })
    expect(await startsOf(again)).toBe(8)
  })

  test('import, clear, status, events and dump by the running agent, and by the state file without one', async () => {
    const legacy = join(directory, 'old.json')
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
    const off = { RUNTIME_DIRECTORY: join(directory, 'run') }
    Object.assign(process.env, off)
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
