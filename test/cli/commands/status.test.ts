// gatewatch status: from the agent, from the state file, and without either.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { failureAsExitCode } from '../../../src/cli/agent-or-file.ts'
import { status } from '../../../src/cli/commands/status.ts'
import { unitJson } from '../../../src/core/views/api-json.ts'
import { fakeAgent, fakeStateFile, json, NOON, noAgent, recordingConsole } from '../fake-agent.ts'
import { gatewayState, IDENTITY, RUN, STORED, snapshot, unit } from '../samples.ts'

function check(name: string, healthy: boolean, message: string) {
  return { name, healthy, message, since: '2026-11-20T10:15:00.000Z' }
}

const REPLY = {
  version: '0.1.0',
  gateway_id: 'gw-7',
  started_at: new Date(NOON - 3 * 86_400_000).toISOString(),
  bus: { connected: true, problem: null },
  state: { path: '/var/lib/gatewatch/state.ring', problem: null },
  checks: [check('bus', true, 'OK'), check('units', true, 'OK')],
  unmatched_patterns: [],
  missing_evidence: [],
  not_ready: [],
  units: gatewayState().units.map(unitJson),
}

test('is a table that fits 80 columns', async () => {
  await using agent = await fakeAgent((_, response) => json(response, REPLY))
  const out = recordingConsole()
  expect(await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)).toBe(0)
  expect(out.out()).toMatchInlineSnapshot(`
    "gatewatch 0.1.0 on gw-7, up 3d: OK

    UNIT                STATE         SINCE START STOP CRASH RESTART  LAST CRASH
    wirepas-gateway     active           1m     1    0     0       0  -
    wirepas-sink-ttys1  active           1m     1    0     0       0  -
    wirepas-sink-ttys2  active           1m     1    0     0       0  -
    edger.connecteddev  active           1m     1    0     0       0  -
    edger.endries       active           1m     1    0     0       0  -
    devmgmt             deactivating   200d     1    0     0       0  -
    hwcheck             failed           1m  1204    1  1200    1199  exit 203 30d
    provisioning        inactive          -     1    0     0       0  -
    Node-Configuration  masked            -     1    0     0       0  -
    setup_cell_connect  active           1m     1    0     0       0  -
    mosquitto           active           1m     5    0     4       4  SIGKILL 2h
    wps_button_monitor  active           1m     1    0     0       0  -

    hwcheck: gave up (systemd will not restart it); see 'systemctl status hwcheck'
    hwcheck: 3 runs ended unobserved (lost)
    mosquitto: flapping
    "
  `)
  expect(
    Math.max(
      ...out
        .out()
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(80)
  expect(out.err()).toBe('')
})

test('shortens names in the middle on a narrow terminal, and nothing without a terminal', async () => {
  await using agent = await fakeAgent((_, response) => json(response, REPLY))
  const sources = { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }
  const narrow = recordingConsole({ columns: 74 })
  await status(false, sources, narrow)
  expect(narrow.out()).toContain('wirepas…-ttys1')
  const piped = recordingConsole({ columns: null })
  await status(false, sources, piped)
  expect(piped.out()).toContain('wirepas-sink-ttys1 ')
})

test('names the patterns that match no unit, and what is missing without the journal, with the reasons', async () => {
  const unmatched = {
    unmatched_patterns: [{ pattern: 'dbus-*.service', reason: 'matches only aliases' }],
    missing_evidence: ['journal: gatewatch may not read it'],
    units: [],
  }
  await using agent = await fakeAgent((_, response) => json(response, { ...REPLY, ...unmatched }))
  const out = recordingConsole()
  await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(out.out()).toContain('\n\ndbus-*.service: matches only aliases\njournal: gatewatch may not read it\n')
})

test('shows unknown states, frozen units, and refused starts of a unit that is not running', async () => {
  const known = unit('frozen.service', { snapshot: { ...snapshot('active', 'running'), frozen: true } })
  const refused = { startJobsFailed: { dependency: 3, timeout: 1 } }
  const units = [
    known,
    { ...known, name: 'away.service', outOfContact: true, gaveUp: true, flapping: true },
    unit('waits.service', { snapshot: snapshot('inactive', 'dead'), ...refused }),
    unit('runs.service', { run: RUN, ...refused }),
  ]
  await using agent = await fakeAgent((_, response) => json(response, { ...REPLY, units: units.map(unitJson) }))
  const out = recordingConsole()
  await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(out.out().split('\n').slice(2)).toEqual([
    'UNIT    STATE     SINCE START STOP CRASH RESTART  LAST CRASH',
    'frozen  active       1m     0    0     0       0  -',
    'away    unknown       -     0    0     0       0  -',
    'waits   inactive     1m     0    0     0       0  -',
    'runs    active       1m     0    0     0       0  -',
    '',
    "frozen: frozen (its processes are paused); 'systemctl thaw frozen' resumes them",
    'waits: 3 starts were refused because a unit that it requires failed; see',
    "'systemctl status waits'",
    '',
  ])
})

const HEADER = 'gatewatch 0.1.0 on gw-7, up 3d:'
const NO_UNITS = '\n\nUNIT  STATE  SINCE START STOP CRASH RESTART  LAST CRASH\n'
const BUS = check('bus', true, 'OK')
const NOTE = check('configuration', true, 'max_units takes effect after a restart of gatewatch')
const MQTT = check('mqtt', false, 'connect ECONNREFUSED')

test.each([
  ['OK', [BUS, NOTE], ['configuration: max_units takes effect after a restart of gatewatch']],
  ['degraded', [BUS, MQTT], ['mqtt: connect ECONNREFUSED']],
  ['not ready', [check('bus', false, 'connect ENOENT'), MQTT], ['bus: connect ENOENT', 'mqtt: connect ECONNREFUSED']],
])('is %s by its checks, and lists what they report', async (verdict, checks, lines) => {
  await using agent = await fakeAgent((_, response) => json(response, { ...REPLY, checks, units: [] }))
  const out = recordingConsole()
  expect(await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)).toBe(0)
  expect(out.out()).toBe([`${HEADER} ${verdict}`, ...lines.map((line) => `  ${line}`)].join('\n') + NO_UNITS)
})

test('lists the reasons of an agent that has no checks yet', async () => {
  const old = { ...REPLY, checks: undefined, not_ready: ['state file: EROFS'], units: [] }
  await using agent = await fakeAgent((_, response) => json(response, old))
  const out = recordingConsole()
  await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(out.out()).toBe(`${HEADER} not ready\n  state file: EROFS${NO_UNITS}`)
})

test('uses colours on a terminal with colours', async () => {
  await using agent = await fakeAgent((_, response) => json(response, REPLY))
  const out = recordingConsole({ color: true })
  await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(out.out()).toContain('\u001b[31mfailed\u001b[39m  ')
})

test('with --json prints only the reply of the agent on stdout', async () => {
  await using agent = await fakeAgent((_, response) => json(response, REPLY))
  const out = recordingConsole()
  await status(true, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(JSON.parse(out.out())).toEqual({ agent_running: true, ...JSON.parse(JSON.stringify(REPLY)) })
})

test('reads the state file if the agent is not running, and reports this', async () => {
  const out = recordingConsole()
  expect(await status(false, { client: noAgent, stateFile: fakeStateFile(STORED) }, out)).toBe(0)
  expect(out.err()).toBe(
    'gatewatch: the agent is not running; showing the state file (/var/lib/gatewatch/state.ring, written 2026-11-20T12:00:00Z)\n',
  )
  expect(out.out()).toMatch(/^UNIT .*\nwirepas-gateway /)
  const machine = recordingConsole()
  await status(true, { client: noAgent, stateFile: fakeStateFile(STORED) }, machine)
  expect(JSON.parse(machine.out())).toMatchObject({ agent_running: false, gateway_id: 'gw-7', stream: IDENTITY.stream })
})

test('reports what to do if there is neither agent nor state file', async () => {
  const out = recordingConsole()
  const code = await failureAsExitCode(out, () =>
    status(false, { client: noAgent, stateFile: fakeStateFile(null) }, out),
  )
  expect({ code, stderr: out.err() }).toEqual({
    code: 1,
    stderr:
      'gatewatch: the agent is not running (nothing is listening on /nonexistent/gatewatch.sock) and there is no state file ' +
      "/var/lib/gatewatch/state.ring; start it with 'systemctl start gatewatch' or 'gatewatch run', or name another " +
      'socket with --socket or another state file with -p\n',
  })
})

test('the help of status names every field of its JSON', async () => {
  const { help } = await import('../../../src/cli/commands/help.ts')
  const out = recordingConsole({ columns: null })
  help('status', null, out)
  for (const field of Object.keys(REPLY.units[0] ?? {})) expect(out.out()).toMatch(new RegExp(`\\b${field}\\b`))
  for (const field of Object.keys(BUS)) expect(out.out()).toMatch(new RegExp(`\\b${field}\\b`))
  for (const field of ['agent_running', ...Object.keys(REPLY)]) expect(out.out()).toMatch(new RegExp(`\\b${field}\\b`))
})

test('the age of a crash of an earlier boot, in which the clock was never set, is unknown', async () => {
  const cause = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }
  const since = { changedAtMs: 40_000, lastCrash: { cause, requested: false, thisBoot: false, atMs: 30_000 } }
  const reply = { ...REPLY, units: [unitJson(unit('a.service', since))] }
  await using agent = await fakeAgent((_, response) => json(response, reply))
  const out = recordingConsole()
  await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(out.out()).toMatch(/^a +active +- .* SIGKILL \(time unknown\)$/m)
})

test('shows what a commit costs on this file system, what makes it cheaper, and how far counts are behind', async () => {
  const state = { ...REPLY.state, file_system: 'ext4 with blocks of 4 KiB', commit_bytes: 20_480, commit_within: 60 }
  const shown = async (more: object) => {
    await using agent = await fakeAgent((_, response) => json(response, { ...REPLY, state: { ...state, ...more } }))
    const out = recordingConsole({ columns: null })
    await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
    return out.out()
  }
  expect(await shown({ commit_advice: 'the mount option commit=300 saves most of it in a crash loop' })).toContain(
    '\nflash: a commit costs 20 KiB (ext4 with blocks of 4 KiB; the mount option commit=300 saves most of it in a crash loop); changes are on flash within 60 s\n',
  )
  expect(await shown({ commit_advice: null, commit_within: 877.4 })).toContain(
    '\nflash: a commit costs 20 KiB (ext4 with blocks of 4 KiB); changes are on flash within 877 s\n',
  )
})
