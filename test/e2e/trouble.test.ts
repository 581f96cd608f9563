// Problems that occur in the field: each causes one clear message, and the agent continues to watch if possible.
import {
  existsSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { schemaErrors } from '../http/openapi-schema.ts'
import { gatewatch, removeDirectory } from '../rig/gatewatch.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { useRunningUnit } from './running-unit.ts'

describeUnless(noSystemd(), 'problems in the field', () => {
  const { systemd, directory, start, startsOf } = useRunningUnit()

  test('SIGTERM and SIGINT stop the agent cleanly with exit code 0; the next run has its counters', async () => {
    const first = await start()
    expect(await first.end('SIGTERM')).toBe(0)
    const second = await start()
    expect(await startsOf(second)).toBe(1)
    expect(await second.events()).toHaveLength(1)
    expect(await second.end('SIGINT')).toBe(0)
    expect(second.stderr()).not.toContain('gap of')
    expect(existsSync(second.socket)).toBe(false)
  })

  test('with an unusable state directory, the agent watches, /-/ready shows the reason, and it recovers', async () => {
    writeFileSync(join(directory(), 'file'), '')
    const agent = await start({ args: ['-p', join(directory(), 'file', 'state.ring')] }, false)
    const ready = await until(() => agent.get('/-/ready'), {
      what: 'the reason',
      is: (r) => r.body.includes('state_file: '),
    })
    expect(ready.status).toBe(503)
    expect(ready.body).toContain(join(directory(), 'file', 'state.ring'))
    await until(() => startsOf(agent), { what: 'the unit to be watched', is: (starts) => starts === 1 })
    expect(await agent.metric('gatewatch_flash_degraded')).toBe(1)
    expect(
      agent
        .stderr()
        .split('\n')
        .filter((line) => line.includes('state: write failed')),
    ).toHaveLength(1)
    rmSync(join(directory(), 'file'))
    mkdirSync(join(directory(), 'file'))
    await until(() => agent.metric('gatewatch_flash_degraded'), {
      what: 'the state to be written',
      is: (v) => v === 0,
      timeoutMs: 20_000,
    })
    expect((await agent.get('/-/ready')).status).toBe(200)
  })

  test('a damaged state file is moved aside, reported once, and replaced by a new one', async () => {
    const first = await start()
    await first.end()
    writeFileSync(first.statePath, Buffer.alloc(1_048_576, 0x5a))
    const second = await start()
    expect(await startsOf(second)).toBe(1)
    expect(readdirSync(directory()).filter((name) => name.startsWith('state.ring.'))).toHaveLength(1)
    expect(second.stderr()).toContain('state.ring.')
  })

  test('an empty state file is moved aside, and the log and the status report that counting restarts from 0', async () => {
    const first = await start()
    await first.end()
    truncateSync(first.statePath)
    const second = await start()
    const aside = `${second.statePath}.damaged-1`
    expect(second.stderr()).toContain(`${second.statePath} is empty; moved it to ${aside}`)
    const { code, stdout, stderr } = gatewatch('status', '--socket', second.socket)
    expect([code, stdout + stderr]).toEqual([
      0,
      expect.stringContaining(`state_file: the file was empty at the start of gatewatch; moved it to ${aside}`),
    ])
  })

  test('a state file on a RAM-backed file system causes one warning, and is shown', async () => {
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
      const { state, checks } = (await agent.getJson('/api/v1/status')) as {
        state: { volatile: boolean }
        checks: { name: string; healthy: boolean; message: string }[]
      }
      expect(state.volatile).toBe(true)
      expect(checks.find(({ name }) => name === 'state_file')).toMatchObject({
        healthy: true,
        message: expect.stringContaining('the file is on a RAM-backed file system (tmpfs)'),
      })
    } finally {
      removeDirectory(volatile)
    }
  })

  test('a state file on an overlay whose upper directory is hidden causes one warning, and is shown', async () => {
    const mount = `cd ${directory()} && mkdir lower rw state && mount -t tmpfs none rw && mkdir rw/up rw/work &&
      mount -t overlay overlay -o lowerdir=lower,upperdir=$PWD/rw/up,workdir=$PWD/rw/work state && umount -l rw`
    const agent = await start({
      args: ['-p', join(directory(), 'state', 'state.ring')],
      commandPrefix: ['unshare', '-m', '--propagation', 'private', 'sh', '-c', `${mount} && exec "$0" "$@"`],
    })
    expect(await agent.metric('gatewatch_state_volatile')).toBe(1)
    const why = `whose upper directory ${join(directory(), 'rw', 'up')} is hidden and may be in RAM`
    const lines = agent.stderr().split('\n')
    expect(lines.filter((line) => line.includes(`${why}: counters may not survive a power loss`))).toHaveLength(1)
    const status = gatewatch('status', '--socket', agent.socket)
    expect(status.stdout).toContain(why)
  })

  test('a second agent on the same state file exits with an error', async () => {
    const agent = await start()
    const second = gatewatch(
      '--bus',
      systemd().busAddress,
      '-p',
      agent.statePath,
      '--socket',
      join(directory(), 'b.sock'),
      '--no-prometheus',
    )
    expect(second.code).toBe(1)
    expect(second.stderr).toContain(`another gatewatch is already running with this state file: ${agent.statePath}`)
  })

  test('a port in use is an error in a terminal, which names the port', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    const { port } = (await until(() => server.address(), { what: 'a port' })) as { port: number }
    try {
      const { code, stderr } = gatewatch(
        '--bus',
        systemd().busAddress,
        '-p',
        join(directory(), 's.ring'),
        '--socket',
        join(directory(), 'b.sock'),
        '--listen',
        `127.0.0.1:${port}`,
      )
      expect(code).toBe(1)
      expect(stderr).toContain(`port ${port} on 127.0.0.1 is already in use`)
    } finally {
      server.close()
    }
  })

  test('without a bus at start-up, the agent logs it once, serves metrics, and watches when the bus is available', async () => {
    const bus = join(directory(), 'bus')
    const agent = await start({ busAddress: `unix:path=${bus}` }, false)
    const ready = await agent.get('/-/ready')
    expect(ready.status).toBe(503)
    expect(ready.body).toContain(bus)
    expect(await agent.metric('systemd_service_state{service="runs.service"}')).toBe(-99)
    expect((await agent.get('/-/healthy')).status).toBe(200)
    symlinkSync(systemd().busAddress.replace('unix:path=', ''), bus)
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
  ])('%s in the configuration causes a one-line error with its position, and exit code 2', (_what, text, expected) => {
    const file = join(directory(), 'config.json')
    writeFileSync(file, text)
    const { code, stderr } = gatewatch('--config', file)
    expect(code).toBe(2)
    expect(stderr.trim().split('\n')).toHaveLength(1)
    expect(stderr).toMatch(expected)
    expect(stderr).toContain(file)
  })

  test('an agent with more units than max_units is ready, and reports those that it does not watch', async () => {
    const units = ['more@1.service', 'more@2.service']
    systemd().writeUnit('more@.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd().daemonReload()
    for (const unit of units) await systemd().start(unit)
    const agent = await start({ services: ['more@*'], env: { GATEWATCH_MAX_UNITS: '1' } })
    const { status: code, body } = await agent.get('/-/ready')
    expect(code).toBe(200)
    const problem = body.split('\n').find((line) => line.startsWith('units: '))
    expect(problem).toMatch(/^units: more@[12]\.service: not watched: the limit of 1 unit is reached \(max_units\)$/)
    expect(await agent.metric('gatewatch_health{check="units"}')).toBe(0)
    const { code: exitCode, stdout } = gatewatch('status', '--socket', agent.socket)
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/^gatewatch .*: degraded\n/)
    expect(stdout).toContain(`\n  ${problem}\n`)
    const status = await agent.getJson('/api/v1/status')
    expect(schemaErrors('/components/schemas/Status', status)).toEqual([])
    expect(status['checks']).toContainEqual(expect.objectContaining({ name: 'units', healthy: false }))
    for (const unit of units) await systemd().stop(unit)
  })

  test('a unit that crashed is watched, so that it does not make the agent unhealthy', async () => {
    systemd().writeUnit('crashes.service', '[Service]\nExecStart=/bin/sh -c "sleep 0.1; exit 3"\n')
    await systemd().daemonReload()
    const events = join(directory(), 'none', 'events.jsonl')
    const agent = await start({ services: ['crashes'], env: { GATEWATCH_EVENTS_FILE: events } })
    await systemd().start('crashes.service')
    await until(() => agent.metric('gatewatch_unit_gave_up{service="crashes.service"}'), {
      what: 'the unit to give up',
      is: (gaveUp) => gaveUp === 1,
    })
    expect(await agent.metric('gatewatch_health{check="units"}')).toBe(1)
    // The events file cannot be written, which is a warning.
    const ready = await until(() => agent.get('/-/ready'), {
      what: 'the events file',
      is: ({ body }) => body.includes('log_files: '),
    })
    expect(ready.status).toBe(200)
    expect(ready.body.split('\n')).toContain(`log_files: cannot write events file ${events} (ENOENT)`)
    expect(ready.body).not.toMatch(/^units: /m)
    // Once it can be written, what is missing in it remains visible.
    mkdirSync(dirname(events))
    await systemd().systemctl('reset-failed', 'crashes.service')
    await systemd().start('crashes.service')
    const note = new RegExp(`^log_files: ${events} lacks \\d+ lines since gatewatch started$`, 'm')
    await until(() => agent.get('/-/ready'), { what: 'the events file', is: ({ body }) => note.test(body) })
    expect(await agent.metric('gatewatch_health{check="log_files"}')).toBe(1)
  })

  test("as root, another user's links at the log file and the events file are refused, and the agent watches", async () => {
    const log = join(directory(), 'agent.log')
    const events = join(directory(), 'events.jsonl')
    const passwd = join(directory(), 'passwd')
    writeFileSync(passwd, 'root:x:0:0\n')
    for (const link of [log, events]) {
      symlinkSync(passwd, link)
      lchownSync(link, 65_534, 65_534)
    }
    const agent = await start({ args: ['-l', log], env: { GATEWATCH_EVENTS_FILE: events } })
    const ready = await until(() => agent.get('/-/ready'), {
      what: 'both problems',
      is: ({ body }) => body.includes('log file') && body.includes('events file'),
    })
    expect(ready.status).toBe(200)
    for (const link of [log, events])
      expect(ready.body).toContain(`${link} is a symbolic link that another user can change; root does not follow it`)
    expect(agent.stderr()).toContain(`cannot write log file ${log}`)
    expect(await agent.metric('gatewatch_health{check="log_files"}')).toBe(0)
    await until(() => startsOf(agent), { what: 'the unit to be watched', is: (starts) => starts === 1 })
    expect(readFileSync(passwd, 'utf8')).toBe('root:x:0:0\n')
    rmSync(events)
    await systemd().kill('runs.service')
    await until(() => existsSync(events), { what: 'the events file' })
    await systemd().start('runs.service')
  })

  test('in a service, a wrong value is reported but not fatal', async () => {
    const file = join(directory(), 'config.json')
    writeFileSync(file, '{"flush_interval": "soon", "colour": 1}')
    const agent = await start({ args: ['--config', file], env: { INVOCATION_ID: 'a'.repeat(32) } }, false)
    const ready = await agent.get('/-/ready')
    expect(ready.body).toContain('flush_interval')
    expect(await agent.metric('gatewatch_config_problems')).toBe(2)
    expect(agent.stderr()).toMatch(/^<3>.*colour/m)
  })

  test('no part of a password in mqtt.url is logged, served or printed, not even of a torn file', async () => {
    const file = join(directory(), 'config.json')
    const whole = JSON.stringify({ mqtt: { enabled: true, url: 'mqtt://us@er:Zq1@Zq2:Zq3@127.0.0.1:1', qos: 'x' } })
    writeFileSync(file, whole)
    const agent = await start({ args: ['--config', file], env: { INVOCATION_ID: 'a'.repeat(32) } }, false)
    const ready = () => agent.get('/-/ready')
    await until(ready, { what: 'the broker to be tried', is: ({ body }) => body.includes('mqtt: connection refused') })
    for (const end of [whole.indexOf('Zq1') + 2, whole.indexOf('Zq2') + 3, whole.indexOf('127')]) {
      const before = agent.stderr().split('reload failed').length
      writeFileSync(file, whole.slice(0, end))
      process.kill(agent.pid, 'SIGHUP')
      await until(() => agent.stderr(), { what: 'the reload', is: (log) => log.split('reload failed').length > before })
      const printed = [gatewatch('check-config', file), gatewatch('status', '--socket', agent.socket)]
      const served = [await ready(), await agent.get('/metrics'), await agent.getJson('/api/v1/status')]
      expect(JSON.stringify([agent.stderr(), printed, served])).not.toContain('Zq')
    }
    writeFileSync(file, whole)
    const { stdout, stderr } = gatewatch('check-config', file)
    expect([
      stdout.includes('mqtt.url = "mqtt://us%40er:***@127.0.0.1:1"'),
      `${stdout}${stderr}`.includes('Zq'),
    ]).toEqual([true, false])
  })
})
