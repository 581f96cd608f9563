// A gateway without a clock: it boots in 1970, and everything is right as soon as its clock is set.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { fakeWallClock, noFaketime, type WallClock } from '../rig/faketime.ts'
import { COMMAND, type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { MOSQUITTO, type Mosquitto, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

/** The clock of the gateway at its start: a minute after 1970 began. */
const TO_1970_SECONDS = -Math.floor(Date.now() / 1000) + 60
const A = 'a.service'
/** systemd itself has the right time in the rig, and the agent converts from its monotonic one. */
const SAME_TIME_MS = 2_000

describeUnless(noGateway() ?? noFaketime() ?? missingPrograms(...MOSQUITTO), 'a gateway without a clock', () => {
  let gatewatch: Installed
  let wallClock: WallClock
  let broker: Mosquitto
  let gateway: Gateway

  beforeAll(async () => {
    broker = await startMosquitto()
    const services = [A]
    const units = { [A]: '[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=100ms\n' }
    gatewatch = install({ services, units })
    const file = { here: join(dirname(dirname(gatewatch.stateFile)), 'clock'), inside: '/var/lib/clock' }
    wallClock = fakeWallClock(file)
    const mqtt = `Environment=GATEWATCH_MQTT_ENABLED=true GATEWATCH_MQTT_URL=${broker.url} GATEWATCH_GATEWAY_ID=gw-7`
    gatewatch.service(`${wallClock.service}\n${mqtt}`)
    wallClock.set(TO_1970_SECONDS)
    gateway = await gatewatch.boot()
  })
  afterAll(async () => {
    await gateway?.systemd.stop()
    gatewatch?.remove()
    await broker?.[Symbol.asyncDispose]()
  })

  const timeOf = (value: unknown) => Date.parse(String(value))
  const year = (value: unknown) => new Date(timeOf(value)).getUTCFullYear()
  const now = () => new Date().getUTCFullYear()
  const crashesOf = async (count: number) =>
    until(() => gateway.unit(A), {
      what: `crash ${count}, and the restart`,
      is: (unit) => (unit['counters'] as Json)['crashes'] === count && unit['running'] === true,
    })
  const retained = async (topic: string) =>
    JSON.parse((await broker.retained(`gatewatch/gw-7/${topic}`))[`gatewatch/gw-7/${topic}`] ?? '{}') as Json
  const metrics = async () => (await fetch(`${await gateway.url()}/metrics`)).text()
  const metric = (text: string, name: string) => Number(new RegExp(`^${name}(?:{[^}]*})? (.*)$`, 'm').exec(text)?.[1])
  /** systemd's own time of the last change. */
  const changedAt = async () => {
    const { StateChangeTimestampMonotonic: us } = await gateway.systemd.show(A, 'StateChangeTimestampMonotonic')
    return Date.now() - (Number(process.hrtime.bigint() / 1_000_000n) - Number(us) / 1000)
  }
  const clockCheck = async () =>
    ((await gateway.getJson('/api/v1/status'))['checks'] as Json[]).find((check) => check['name'] === 'clock')

  test('in 1970 the clock is known to be wrong, which is a warning, and every event shows it', async () => {
    await crashesOf(0)
    await gateway.systemd.kill(A)
    const unit = await crashesOf(1)
    expect(year(unit['since'])).toBe(1970)
    expect(year((unit['last_crash'] as Json)['timestamp'])).toBe(1970)
    expect((await gateway.events()).map((event) => [year(event['timestamp']), event['clock_synced']])).toEqual(
      ['start', 'crash', 'restart'].map(() => [1970, false]),
    )
    expect(await clockCheck()).toMatchObject({ healthy: false, message: expect.stringContaining('not synchronised') })
    expect((await fetch(`${await gateway.url()}/-/ready`)).status).toBe(200)
    expect(metric(await metrics(), 'gatewatch_clock_synced')).toBe(0)
    await until(() => retained(`unit/${A}/state`), {
      what: 'the retained state of 1970',
      is: (state) => (state['counters'] as Json)?.['crashes'] === 1 && year(state['since']) === 1970,
    })
  })

  test('when the clock is set, everything that is shown is right at once', async () => {
    wallClock.set(0)
    const status = await gateway.getJson('/api/v1/status')
    const unit = (status['units'] as Json[])[0] as Json
    const lastCrash = timeOf((unit['last_crash'] as Json)['timestamp'])
    expect(Math.abs(timeOf(unit['since']) - (await changedAt()))).toBeLessThan(SAME_TIME_MS)
    expect(timeOf(unit['since']) - lastCrash).toBeGreaterThanOrEqual(0)
    expect(timeOf(unit['since']) - lastCrash).toBeLessThan(SAME_TIME_MS + 1000)
    expect(Date.now() - timeOf(status['started_at'])).toBeLessThan(60_000)
    const text = await metrics()
    for (const name of [
      'gatewatch_unit_last_crash_timestamp_seconds',
      'gatewatch_unit_active_since_timestamp_seconds',
      'systemd_service_last_change_timestamp',
      'gatewatch_config_last_reload_success_timestamp_seconds',
      'gatewatch_flash_last_commit_timestamp_seconds',
      'process_start_time_seconds',
    ])
      expect(Date.now() / 1000 - metric(text, name), name).toBeLessThan(60)
    const shown = await gateway.systemd.exec(...COMMAND.split(' '), 'status')
    expect(shown.stdout).toMatch(/, up \d+s: /)
    expect(shown.stdout).toMatch(/SIGKILL \d+s/)
    // The retained messages follow, without a change of the unit.
    const is1970 = (value: unknown) => year(value) !== now()
    await until(() => retained(`unit/${A}/state`), {
      what: 'the corrected retained state',
      is: (state) => !is1970(state['since']) && !is1970((state['last_crash'] as Json)['timestamp']),
    })
    await until(() => retained('agent'), { what: 'the corrected status', is: (agent) => !is1970(agent['started_at']) })
    expect(await gateway.journal('-u', 'gatewatch.service')).toContain('the wall clock was set by')
  })

  test("systemd's mark is seen within seconds; later events have the right time, earlier ones keep theirs", async () => {
    const directory = join(gateway.systemd.runDir, 'systemd/timesync')
    mkdirSync(directory)
    writeFileSync(join(directory, 'synchronized'), '')
    await until(clockCheck, { what: 'the mark to be seen', is: (check) => check?.['healthy'] === true })
    expect(metric(await metrics(), 'gatewatch_clock_synced')).toBe(1)
    await gateway.systemd.kill(A)
    await crashesOf(2)
    // A unit file that changed less than a day ago is evidence, now that the clock is known.
    const counted = (await gateway.events()).filter(({ event }) => event !== 'evidence')
    expect(counted.map((event) => [year(event['timestamp']), event['clock_synced']])).toEqual([
      ...Array(3).fill([1970, false]),
      ...Array(2).fill([now(), true]),
    ])
  })

  test('after a restart of the agent, and after a reboot in 1970, the corrected times are kept', async () => {
    const before = await gateway.unit(A)
    const crash = (unit: Json) => (unit['last_crash'] as Json)['timestamp']
    await gateway.systemd.restart('gatewatch.service')
    const after = await crashesOf(2)
    expect([after['since'], crash(after)]).toEqual([before['since'], crash(before)])
    await gateway.systemd.powerOff()
    wallClock.set(TO_1970_SECONDS)
    gateway = await gatewatch.boot()
    const rebooted = await crashesOf(2)
    expect(crash(rebooted)).toBe(crash(before))
    expect(year(rebooted['since'])).toBe(1970)
    expect((await gateway.events()).at(-1)).toMatchObject({ event: 'start', clock_synced: false })
  })

  test('without an event and without a request, a periodic timer notices that the clock was set', async () => {
    wallClock.set(0)
    await until(() => retained(`unit/${A}/state`), {
      what: 'the corrected retained state',
      timeoutMs: 30_000,
      is: (state) => year(state['since']) === now(),
    })
  })
})
