// Clean reboots of a real systemd with the agent as one of its units: every end is observed, and no run is lost.
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Json } from '../../src/core/views/api-json.ts'
import { plural } from '../../src/core/views/format.ts'
import { type Gateway, type Installed, install, noGateway } from '../rig/installed.ts'
import { median } from '../rig/process-usage.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const SHUTDOWNS = Number(process.env['GATEWATCH_SHUTDOWNS'] ?? 3)
const SLOW_MS = 1500
/** Longer than the agent had waited for a reply before it exited, and lost its runs. */
const SILENT_MS = 8000
const LINGERING = `/bin/bash -c 'trap "sleep ${SLOW_MS / 1000}; exit 0" TERM; while :; do sleep 0.1; done'`

const UNITS = {
  'quick.service': '[Service]\nExecStart=/bin/sleep infinity\n',
  // It takes a while to stop at shutdown; the agent has to wait for it.
  'slow.service': `[Service]\nExecStart=${LINGERING}\nKillMode=mixed\n`,
  'chain.service': '[Unit]\nAfter=slow.service\n[Service]\nExecStart=/bin/sleep infinity\n',
  'before.service': `[Unit]\nBefore=chain.service\n[Service]\nExecStart=/bin/sleep infinity\n`,
  'once.service': '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\n',
  'often.service': '[Service]\nExecStart=/bin/sleep infinity\nRestart=always\nRestartSec=10ms\n',
  'tick.timer': '[Timer]\nOnActiveSec=1h\nUnit=once.service\n',
}
const NAMES = Object.keys(UNITS)
/** Sockets, like the bus, stop only after the agent, which must not wait for them. */
const STOPPED_AFTER_AGENT = {
  'talk.socket': '[Socket]\nListenStream=/run/talk.sock\nAccept=yes\n',
  'talk@.service': UNITS['quick.service'],
}

describeUnless(noGateway(), 'clean reboots', () => {
  let gatewatch: Installed
  let gateway: Gateway | null = null
  beforeAll(() => {
    gatewatch = install({
      services: [...NAMES, 'dbus.service', 'talk.socket'],
      units: { ...UNITS, ...STOPPED_AFTER_AGENT },
    })
  })
  afterAll(async () => {
    await gateway?.systemd.stop()
    gatewatch.remove()
  })

  const booted = async (times: number) => {
    gateway = await gatewatch.boot()
    const { getJson } = gateway
    const counted = (units: Json[]) =>
      NAMES.every((name) => units.some((u) => u['service'] === name && starts(u) === times && u['running']))
    const { units } = await until(() => getJson('/api/v1/units') as Promise<{ units: Json[] }>, {
      what: `every unit to have ${plural(times, 'start')}`,
      is: (response) => counted(response.units),
    })
    return { ...gateway, units }
  }

  test(`no run is lost in ${SHUTDOWNS} of them`, { timeout: 60_000 + SHUTDOWNS * 15_000 }, async () => {
    const took: number[] = []
    for (let boot = 1; boot <= SHUTDOWNS; boot++) {
      const { systemd, units } = await booted(boot)
      for (const unit of units.filter((u) => NAMES.includes(String(u['service']))))
        expect(unit).toMatchObject({ counters: { starts: boot, stops: boot - 1, crashes: 0, restarts: 0, lost: 0 } })
      const began = performance.now()
      await systemd.powerOff()
      took.push(Math.round(performance.now() - began))
    }
    const { units, getJson } = await booted(SHUTDOWNS + 1)
    const counters = { starts: SHUTDOWNS + 1, stops: SHUTDOWNS, crashes: 0, restarts: 0, lost: 0 }
    for (const unit of units.filter((u) => NAMES.includes(String(u['service']))))
      expect(unit).toMatchObject({ counters })
    const events = (await getJson('/api/v1/events?limit=1000'))['events'] as Json[]
    expect(new Set(events.map((event) => event['boot_id'])).size).toBe(SHUTDOWNS + 1)
    expect(events.some((event) => 'seq_gap' in event)).toBe(false)
    const stops = events.filter((event) => event['event'] === 'stop' && NAMES.includes(String(event['service'])))
    expect(stops).toHaveLength(NAMES.length * SHUTDOWNS)
    const shutdown = { unit: 'shutdown.target', relation: 'Conflicts' }
    expect(stops.map((event) => event['because'])).toEqual(stops.map(() => shutdown))
    const seqs = events.map((event) => Number(event['seq']))
    expect(seqs).toEqual(seqs.map((_, i) => (seqs[0] ?? 0) + i))
    // The agent waited for the slow unit, but not for the bus, which stops after the agent.
    for (const ms of took) expect(ms).toBeGreaterThan(SLOW_MS)
    expect(median(took)).toBeLessThan(SLOW_MS + 8000)
    console.log(
      `${SHUTDOWNS} shutdowns: lost 0, starts = stops + running; each took ${Math.min(...took)} to ${Math.max(...took)} ms`,
    )
  })

  test(`no run is lost if PID 1 is silent for ${SILENT_MS / 1000} s of a shutdown`, { timeout: 90_000 }, async () => {
    const times = gateway === null ? 1 : SHUTDOWNS + 1
    const { systemd, journal } = gateway ?? (await booted(times))
    const stopping = async () => (await journal('-u', 'gatewatch.service')).includes('SIGTERM: stopping')
    const { MainPID: bus } = await systemd.show('dbus.service', 'MainPID')
    // The bus is stopped first, so that the agent's query cannot reach PID 1 before PID 1 is stopped, too. As root,
    // `systemctl start` does not need the bus, but `systemctl poweroff` does.
    await systemd.kill('dbus.service', 'SIGSTOP', 'main')
    await systemd.systemctl('start', '--no-block', '--job-mode=replace-irreversibly', 'poweroff.target')
    await until(stopping, { what: 'the agent to get SIGTERM', is: (is) => is })
    process.kill(systemd.pid, 'SIGSTOP')
    await systemd.exec('bash', '-c', `kill -CONT ${bus}`)
    await new Promise((resolve) => setTimeout(resolve, SILENT_MS))
    process.kill(systemd.pid, 'SIGCONT')
    await systemd.ended()
    const { units } = await booted(times + 1)
    for (const unit of units.filter((u) => NAMES.includes(String(u['service']))))
      expect(unit).toMatchObject({ counters: { stops: times, crashes: 0, lost: 0 } })
  })
})

function starts(unit: Json): number {
  return Number((unit['counters'] as Json)['starts'])
}
