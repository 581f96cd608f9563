// A gateway on which gatewatch replaces the former program: its counters, its configuration file with a log file that the
// sandbox refuses, and logrotate.
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMAND, type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const UNIT = 'gatewatch.service'
const FORMER = '/var/lib/service_monitor/service_states.json'
const CONFIG = '/var/lib/former/config.json'
const LOG = '/var/log/gatewatch/service_monitor.log'
const EVENTS = '/var/log/gatewatch/events.jsonl'

describeUnless(noGateway(), 'the migration from the former program', () => {
  let installed: Installed
  let gateway: Gateway
  const lib = (path: string) => join(dirname(dirname(installed.stateFile)), path.replace('/var/lib/', ''))
  const configure = (keys: object) =>
    writeFileSync(lib(CONFIG), JSON.stringify({ poll_interval: 5, persistence_file: FORMER, ...keys }))

  beforeAll(async () => {
    installed = install({
      services: ['steady'],
      units: { 'steady.service': '[Service]\nExecStart=/bin/sleep infinity\n' },
      service: `Environment=GATEWATCH_CONFIG=${CONFIG}`,
    })
    for (const file of [FORMER, CONFIG]) mkdirSync(dirname(lib(file)), { recursive: true })
    const former = { last_state: 'active', last_change_time: '', starts: 40, stops: 30, crashes: 20 }
    writeFileSync(lib(FORMER), JSON.stringify({ 'steady.service': former, 'other.service': former }))
    configure({ log_file: '/var/log/service_monitor.log' })
    gateway = await installed.boot()
    await until(() => gateway.unit('steady.service'), {
      what: 'the unit to be read',
      is: (unit) => unit['active_state'] === 'active',
    })
  })
  afterAll(async () => {
    await gateway.systemd.stop()
    installed.remove()
  })

  const shell = (command: string) => gateway.systemd.exec('sh', '-c', command)
  const text = async (file: string) => (await gateway.systemd.exec('cat', file)).stdout
  const checks = async () =>
    (await gateway.getJson('/api/v1/status'))['checks'] as { name: string; healthy: boolean; message: string }[]
  const check = async (name: string) => (await checks()).find((one) => one.name === name)
  const counters = async () => (await gateway.unit('steady.service'))['counters']
  const restarted = async (what: () => Promise<unknown>) => {
    const before = (await gateway.systemd.show(UNIT, 'InvocationID'))['InvocationID']
    await what()
    await until(() => gateway.systemd.show(UNIT, 'InvocationID', 'ActiveState'), {
      what: 'the agent to be restarted',
      is: (now) => now['InvocationID'] !== before && now['ActiveState'] === 'active',
      timeoutMs: 30_000,
    })
    await until(() => gateway.unit('steady.service'), {
      what: 'the unit to be read',
      is: (unit) => unit['active_state'] === 'active',
    })
  }

  test('the first start imports its counters by itself, and reports it', async () => {
    const imported = `imported the counters of 1 unit of the former program from ${FORMER}`
    expect(await counters()).toEqual({ starts: 41, stops: 10, crashes: 20, restarts: 0, lost: 0 })
    expect(await check('state_file')).toMatchObject({ healthy: true, message: imported })
    const log = await gateway.journal(`_SYSTEMD_UNIT=${UNIT}`, '-o', 'cat') // without systemd's own lines about it
    const lines = log.split('\n').map((line) => line.replace(/^\[\w+\] /, ''))
    expect(lines).toContain(`first start: ${imported}`)
    expect(lines).toContainEqual(expect.stringMatching(/^not imported, because they are not watched: other\.service; /))
    const initial = lines.indexOf('Initial state for steady.service: active (SubState: running)')
    expect(lines.slice(initial + 1, initial + 3)).toEqual([
      'steady.service:  Loaded counters: Starts: 40, Stops: 10, Crashes: 20, Restarts: 0, Lost: 0',
      'steady.service:  Incrementing start counter -> 41 (detected later)',
    ])
    expect(readFileSync(lib(FORMER), 'utf8')).toContain('"starts":40')
  })

  test('its log file cannot be written under the sandbox: this is shown with the drop-in, which makes it work', {
    timeout: 60_000,
  }, async () => {
    const advice = /; set log_file to (\S+), allow it with the drop-in \S+: (mkdir .* systemctl restart gatewatch)$/m
    const shown = await check('log_files')
    expect(shown).toMatchObject({ healthy: false, message: expect.stringMatching(advice) })
    expect(shown?.message).toMatch(/^cannot write log file \/var\/log\/service_monitor\.log \(EROFS\); /)
    const ready = await fetch(`${await gateway.url()}/-/ready`)
    expect({ status: ready.status, text: await ready.text() }).toEqual({
      status: 200,
      text: expect.stringMatching(advice),
    })
    const checkConfig = () => gateway.systemd.exec(...COMMAND.split(' '), 'check-config', CONFIG)
    const refused = await checkConfig()
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(advice) })
    const [, file = '', command = ''] = advice.exec(refused.stderr) ?? []
    expect(file).toBe(LOG)
    configure({ log_file: LOG, events_file: EVENTS })
    expect((await checkConfig()).code).toBe(2)
    await restarted(() => shell(command))
    expect((await checkConfig()).stderr).toMatch(/: OK\n$/)
    expect(await check('log_files')).toMatchObject({ healthy: true })
    const lines = await until(() => text(LOG), {
      what: 'the unit to be read',
      is: (now) => now.includes('bus: connected'),
    })
    expect(lines).toMatch(/ - \[INFO\] Initial state for steady\.service: active \(SubState: running\)$/m)
    expect(lines).toMatch(
      /steady\.service: {2}Loaded counters: Starts: 41, Stops: 10, Crashes: 20, Restarts: 0, Lost: 0$/m,
    )
    expect(lines).not.toContain('first start')
    expect(await counters()).toEqual({ starts: 41, stops: 10, crashes: 20, restarts: 0, lost: 0 })
  })

  test('logrotate: moved files are opened again on a reload, and an emptied one continues', async () => {
    await gateway.systemd.restart('steady.service')
    const restart = '"event":"restart"'
    await until(() => text(EVENTS), { what: 'the event', is: (now) => now.includes(restart) })
    await shell(`mv ${LOG} ${LOG}.old && mv ${EVENTS} ${EVENTS}.old`)
    await gateway.systemd.systemctl('reload', UNIT)
    await until(() => text(LOG), {
      what: 'the new log file',
      is: (now) => now.includes('reload: configuration applied'),
    })
    expect(await text(`${LOG}.old`)).not.toContain('reload: configuration applied')
    expect(await text(EVENTS)).toBe('')
    // Without a signal, as after copytruncate, and after a move without a reload.
    await shell(`cp ${LOG} ${LOG}.copy && : >${LOG} && rm ${EVENTS}`)
    await gateway.systemd.restart('steady.service')
    await until(() => text(EVENTS), { what: 'the events after it', is: (now) => now.includes(restart) })
    for (const line of (await text(EVENTS)).trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ schema: 1 })
    expect((await text(LOG)).split('\n')[0]).toMatch(/steady\.service: {2}active +-> deactivating/)
  })

  test('after a damaged state file, nothing is imported again', async () => {
    const damaged = `/var/lib/gatewatch/${installed.stateFile.replace(/^.*\//, '')}`
    await restarted(() =>
      shell(`systemctl stop ${UNIT}; head -c 5000 /dev/urandom >${damaged}; systemctl start ${UNIT}`),
    )
    expect(await counters()).toEqual({ starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 })
    expect(statSync(`${installed.stateFile}.damaged-1`).size).toBe(5000)
    await restarted(() => shell(`systemctl stop ${UNIT}; rm ${damaged}; systemctl start ${UNIT}`))
    expect(await counters()).toEqual({ starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 })
    expect(existsSync(installed.stateFile)).toBe(true)
  })
})
