// The executable in the shipped unit: its user, sandbox and limits; before the broker is available, and when it hangs.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { Gateway, Installed } from '../rig/installed.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { mustBuild, noBuild, ROOT } from './executable.ts'

const UNIT = 'gatewatch.service'
const SLEEPER = '[Service]\nExecStart=/bin/sleep infinity\n'
const TIMEOUT_MS = 60_000

describeUnless(noBuild() ?? noSystemd() ?? missingPrograms(...MOSQUITTO), 'the executable as a service', () => {
  let broker: Mosquitto
  let subscriber: Subscriber
  let installed: Installed
  let gateway: Gateway

  beforeAll(async () => {
    mustBuild({}, '--target', 'x64')
    vi.stubEnv('GATEWATCH_BINARY', join(ROOT, 'dist/gatewatch-linux-x64'))
    vi.resetModules() // the rig reads GATEWATCH_BINARY when it is loaded
    const { install } = await import('../rig/installed.ts')
    broker = await startMosquitto({ stopped: true })
    installed = install({
      services: ['steady', 'fragile'],
      units: { 'steady.service': SLEEPER, 'fragile.service': SLEEPER },
      service: `WatchdogSec=4s\nEnvironment=GATEWATCH_MQTT_ENABLED=true GATEWATCH_MQTT_URL=${broker.url} GATEWATCH_GATEWAY_ID=gw-7`,
    })
    gateway = await installed.boot()
  }, 900_000)
  afterAll(async () => {
    await subscriber?.[Symbol.asyncDispose]()
    await gateway?.systemd.stop()
    installed?.remove()
    await broker?.[Symbol.asyncDispose]()
  })

  const show = (property: string) => gateway.systemd.show(UNIT, property).then((shown) => shown[property] ?? '')
  const becomes = (property: string, value: string) =>
    until(() => show(property), {
      what: `${property} of the service to be ${value}`,
      is: (now) => now === value,
      timeoutMs: TIMEOUT_MS,
      everyMs: 100,
    })
  const received = (what: string, is: (topic: string, payload: string) => boolean) =>
    until(() => subscriber.received.find(({ topic, payload }) => is(topic, payload)), { what, timeoutMs: TIMEOUT_MS })

  it('is ready without a broker, runs as its user, and has few tasks', async () => {
    await becomes('ActiveState', 'active')
    await becomes('StatusText', 'watching 2 units, 2 running; mqtt: connection refused (nothing is listening there)')
    const { stdout } = await gateway.systemd.exec('cat', `/proc/${await show('MainPID')}/status`)
    expect(stdout).toMatch(new RegExp(`^Uid:\\t${installed.uid}\\t`, 'm'))
    expect(stdout).toMatch(/^Seccomp:\t2$/m)
    expect(stdout).toMatch(/^CapEff:\t0+$/m)
    expect(Number(await show('TasksCurrent'))).toBeLessThan(Number(await show('TasksMax')) / 2)
    expect(statSync(installed.stateFile).uid).toBe(installed.uid)
  })

  it('connects when the broker is available, and counts, publishes and exports a crash', {
    timeout: 180_000,
  }, async () => {
    await broker.start()
    subscriber = await broker.subscribe('gatewatch/gw-7/#')
    await received(
      'the agent to be online',
      (topic, payload) => topic.endsWith('/availability') && payload === 'online',
    )
    await gateway.systemd.kill('fragile.service')
    await received(
      'the crash',
      (topic, payload) => topic.endsWith('/event/crash') && payload.includes('fragile.service'),
    )
    const scrape = async () => (await fetch(`${await gateway.url()}/metrics`)).text()
    await until(scrape, {
      what: 'the committed crash',
      is: (text) => text.includes('systemd_service_crashes_total{service="fragile.service"} 1\n'),
      timeoutMs: TIMEOUT_MS,
      everyMs: 200,
    })
  })

  it('sends keep-alives, is killed by the watchdog when it hangs, and continues to count', {
    timeout: 180_000,
  }, async () => {
    const keepAliveAt = () => show('WatchdogTimestampMonotonic').then(Number)
    const before = await keepAliveAt()
    await until(keepAliveAt, {
      what: 'keep-alives for longer than WatchdogSec=',
      is: (at) => at - before > 5_000_000,
      timeoutMs: TIMEOUT_MS,
    })
    expect(await show('NRestarts')).toBe('0')
    await gateway.systemd.kill(UNIT, 'SIGSTOP', 'main')
    await becomes('NRestarts', '1')
    await becomes('ActiveState', 'active')
    expect(await gateway.journal('-u', UNIT, '-n', '100')).toContain('Watchdog timeout')
    const { counters } = await gateway.unit('fragile.service')
    expect(counters).toMatchObject({ starts: 1, crashes: 1, lost: 0 })
  })
})
