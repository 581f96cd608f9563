// gatewatch show: a watched unit, one that is not watched, and a missing one.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { show } from '../../../src/cli/commands/show.ts'
import type { UnitStatus } from '../../../src/core/unit-status.ts'
import type { UnitControl } from '../../../src/ports.ts'
import { fakeAgent, recordingConsole } from '../fake-agent.ts'

const NOW = Date.parse('2026-11-20T10:15:00Z')

const STATUS: UnitStatus = {
  unit: 'mosquitto.service',
  description: 'An MQTT broker',
  loadState: 'loaded',
  activeState: 'failed',
  subState: 'failed',
  fileState: 'enabled',
  frozen: false,
  triggers: [],
  changedAtMonoMs: 400_000,
  activeAtMonoMs: 300_000,
  result: 'exit-code',
  exitCode: 3,
  signal: null,
  mainPid: null,
  restarts: 4,
  memoryBytes: 3 << 20,
  cpuSeconds: 1.5,
  tasks: 2,
  cause: { result: 'exit-code', exitCode: 3, signal: null, coreDumped: false },
  user: 'mosquitto',
  workingDirectory: '/',
  file: '/lib/systemd/system/mosquitto.service',
  dropIns: [],
  commands: [{ setting: 'ExecStart', line: '/usr/sbin/mosquitto -c /etc/mosquitto/mosquitto.conf' }],
  environmentNames: ['TOKEN'],
  environmentFiles: [],
  dependencies: { Requires: ['sysinit.target', 'system.slice'], WantedBy: ['multi-user.target'] },
  start: {
    wasActive: true,
    loadError: null,
    hasJob: false,
    restart: 'on-failure',
    restartDelayMs: 100,
    limit: { starts: 5, withinMs: 10_000 },
    conditions: [],
    conditionsMet: true,
    assertsMet: true,
  },
}

function sourcesWith(socket: string, status: UnitStatus = STATUS) {
  const never = () => Promise.reject(new Error('not expected here'))
  const control: UnitControl = {
    run: never,
    daemonReload: never,
    list: never,
    close() {},
    status: async () => status,
    properties: async () => ({ Type: 'notify', Environment: 'TOKEN=secret' }),
  }
  return { control, client: clientOf(socket), wallMsOf: (monoMs: number) => NOW - 1_000_000 + monoMs }
}

test('shows one unit with the counters of the agent', async () => {
  await using agent = await fakeAgent((_, response) => {
    const counters = { starts: 5, stops: 0, crashes: 5, restarts: 4, lost: 0 }
    response.end(JSON.stringify({ units: [{ service: 'mosquitto.service', counters }] }))
  })
  const out = { ...recordingConsole(), now: () => NOW }
  expect(await show('mosquitto.service', false, sourcesWith(agent.socket), out)).toBe(0)
  expect(agent.requests[0]?.url).toBe('/api/v1/units')
  expect(out.out()).toMatchInlineSnapshot(`
    "mosquitto.service - An MQTT broker
      State         failed (failed) since 2026-11-20T10:05:00Z (10m)
      Cause         exit 3
      Loaded        loaded, enabled
      File          /lib/systemd/system/mosquitto.service
      Counted       5 starts, 0 stops, 5 crashes, 4 restarts, 0 lost
      Restarts      4 by systemd
      Memory        3.0 MiB
      CPU           1.500 s
      Tasks         2
      User          mosquitto
      Directory     /
      ExecStart     /usr/sbin/mosquitto -c /etc/mosquitto/mosquitto.conf
      Environment   TOKEN
      Requires      sysinit.target system.slice
      WantedBy      multi-user.target
    "
  `)
})

test('with --json has every simple property, and no value of the environment', async () => {
  const out = recordingConsole()
  expect(await show('mosquitto.service', true, sourcesWith('/nowhere'), out)).toBe(0)
  const json = JSON.parse(out.out())
  expect(json).toMatchObject({ counters: null, cause: { exit_code: 3 }, properties: { Type: 'notify' } })
  expect(json).toMatchObject({ since: '2026-11-20T10:05:00.000Z', active_entered: '2026-11-20T10:03:20.000Z' })
  expect(out.out()).not.toContain('secret')
})

test('names what starts the unit and when, and shows that it is frozen', async () => {
  const status: UnitStatus = {
    ...STATUS,
    frozen: true,
    triggers: [
      { unit: 'holder.target', activeState: 'inactive', nextMs: null },
      { unit: 'mosquitto.timer', activeState: 'active', nextMs: NOW + 330_000 },
    ],
  }
  const out = { ...recordingConsole(), now: () => NOW }
  expect(await show('mosquitto.service', false, sourcesWith('/nowhere', status), out)).toBe(0)
  expect(out.out().split('\n').slice(2, 6)).toEqual([
    '  Frozen        yes: its processes are paused',
    '  Cause         exit 3',
    '  Started by    holder.target (inactive)',
    '  Started by    mosquitto.timer (active), next in 5m',
  ])
  const json = recordingConsole()
  await show('mosquitto.service', true, sourcesWith('/nowhere', status), json)
  expect(JSON.parse(json.out())).toMatchObject({
    frozen: true,
    triggered_by: [
      { unit: 'holder.target', active_state: 'inactive', next: null },
      { unit: 'mosquitto.timer', active_state: 'active', next: '2026-11-20T10:20:30.000Z' },
    ],
  })
})

test('a missing unit is an error', async () => {
  const out = recordingConsole()
  const gone = { ...STATUS, loadState: 'not-found' }
  expect(await show('mosquitto.service', false, sourcesWith('/nowhere', gone), out)).toBe(5)
  expect([out.out(), out.err()]).toEqual([
    '',
    'gatewatch: mosquitto.service: no such unit: systemd found no unit file with this name\n',
  ])
})
