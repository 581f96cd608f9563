// A small list of units and many connections: what is over is forgotten before what comes back, and no count is lost.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const MAX_UNITS = 20
const CONNECTIONS = 60
const AT_ONCE = 6

describeUnless(noSystemd(), 'a list of units that connections would fill', () => {
  const directory = temporaryDirectory()
  let systemd: Systemd
  let agent: Gatewatch

  const start = () =>
    startGatewatch({
      busAddress: systemd.busAddress,
      directory,
      services: ['plain', 'conn@*', 'sink@*'],
      env: { GATEWATCH_FLUSH_INTERVAL: '1', GATEWATCH_MAX_UNITS: `${MAX_UNITS}` },
    })

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('plain.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    systemd.writeUnit('sink@.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    systemd.writeUnit('conn.socket', '[Socket]\nListenStream=/run/conn.sock\nAccept=yes\n')
    systemd.writeUnit('conn@.service', '[Service]\nStandardInput=socket\nExecStart=/bin/cat\n')
    await systemd.daemonReload()
    await systemd.start('conn.socket')
    agent = await start()
  })
  afterAll(async () => {
    await agent.end('SIGKILL')
    await systemd.stop()
    removeDirectory(directory)
  })

  async function scrape(): Promise<ReadonlyMap<string, number>> {
    const lines = (await agent.get('/metrics')).body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
    )
  }
  const sum = (metrics: ReadonlyMap<string, number>, series: RegExp) =>
    [...metrics].reduce((total, [name, value]) => (series.test(name) ? total + value : total), 0)
  const forgotten = (metrics: ReadonlyMap<string, number>, template: string, kind: string) =>
    metrics.get(`gatewatch_forgotten_runs_total{template="${template}",kind="${kind}"}`)
  const starts = (metrics: ReadonlyMap<string, number>) =>
    sum(metrics, /^systemd_service_starts_total\{service="conn@/) + (forgotten(metrics, 'conn@.service', 'starts') ?? 0)
  const running = (metrics: ReadonlyMap<string, number>) => sum(metrics, /^gatewatch_unit_running\{service="conn@/)

  async function connection(): Promise<Socket> {
    const socket = connect(join(systemd.runDir, 'conn.sock'))
    await once(socket, 'connect')
    return socket
  }

  test('connections that are over make room for others and for a new sink; a stopped sink keeps its counts', async () => {
    await systemd.start('sink@old.service')
    await systemd.stop('sink@old.service')
    for (let n = 0; n < CONNECTIONS; n += AT_ONCE) {
      const open = await Promise.all(Array.from({ length: AT_ONCE }, connection))
      await until(scrape, { what: `${AT_ONCE} connections to run`, is: (metrics) => running(metrics) === AT_ONCE })
      for (const socket of open) socket.destroy()
      await until(scrape, { what: 'them to end', is: (metrics) => running(metrics) === 0 })
    }
    await systemd.start('sink@new.service')
    const metrics = await until(scrape, {
      what: 'the counts of all connections and of the new sink',
      is: (all) =>
        starts(all) === CONNECTIONS && all.get('systemd_service_starts_total{service="sink@new.service"}') === 1,
    })
    expect(metrics.get('systemd_service_starts_total{service="sink@old.service"}')).toBe(1)
    expect(metrics.get('gatewatch_units_watched')).toBe(0.8 * MAX_UNITS)
    expect(metrics.get('gatewatch_units_limit')).toBe(MAX_UNITS)
    expect(metrics.get('gatewatch_health{check="units"}')).toBe(1)
    expect(forgotten(metrics, 'conn@.service', 'stops')).toBe(forgotten(metrics, 'conn@.service', 'starts'))
    expect(forgotten(metrics, 'sink@.service', 'starts')).toBe(undefined)
    expect(agent.stderr()).not.toContain('max_units')
    const events = (await agent.events()).filter(
      ({ event, service }) => event === 'start' && `${service}`.startsWith('conn@'),
    )
    expect(events).toHaveLength(CONNECTIONS)
  })

  test('the sums survive a kill and a stop of the agent', async () => {
    const before = forgotten(await scrape(), 'conn@.service', 'starts')
    expect(before).toBeGreaterThan(0)
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      await agent.end(signal)
      agent = await start()
      const metrics = await scrape()
      expect(forgotten(metrics, 'conn@.service', 'starts')).toBe(before)
      expect(starts(metrics)).toBe(CONNECTIONS)
    }
  })

  test('when all of it runs, the list is full: a warning, once in the log, and in the metrics', async () => {
    const units = Array.from({ length: MAX_UNITS }, (_, n) => `sink@${n}.service`)
    await systemd.systemctl('start', ...units)
    const metrics = await until(scrape, {
      what: 'the list to be full',
      is: (all) => all.get('gatewatch_units_watched') === MAX_UNITS && all.get('gatewatch_health{check="units"}') === 0,
    })
    expect(metrics.get('systemd_service_starts_total{service="plain.service"}')).toBe(0)
    expect(sum(metrics, /^gatewatch_unit_running\{service="sink@/)).toBe(MAX_UNITS - 1)
    expect(starts(metrics)).toBe(CONNECTIONS)
    expect((await agent.get('/-/ready')).body).toMatch(/^units: .*the limit of 20 units is reached \(max_units\)/m)
    expect(agent.stderr().match(/the limit of 20 units is reached/g)).toHaveLength(1)
    // A sink that ends is forgotten for one that runs.
    await systemd.systemctl('stop', 'sink@new.service', ...units.slice(0, 5))
    await until(scrape, {
      what: 'room in the list',
      is: (all) =>
        all.get('gatewatch_units_watched') === 0.8 * MAX_UNITS && all.get('gatewatch_health{check="units"}') === 1,
    })
    await systemd.start('sink@next.service')
    await until(scrape, {
      what: 'the next sink',
      is: (all) => all.get('systemd_service_starts_total{service="sink@next.service"}') === 1,
    })
  })
})
