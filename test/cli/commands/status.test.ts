// gatewatch status: from the agent, from the state file, from nowhere.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { failureAsExitCode } from '../../../src/cli/agent-or-file.ts'
import { status } from '../../../src/cli/commands/status.ts'
import { unitJson } from '../../../src/core/api-json.ts'
import { fakeAgent, fakeStateFile, json, NOON, noAgent, recordingConsole } from '../fake-agent.ts'
import { gatewayState, IDENTITY, STORED } from '../samples.ts'

const ANSWER = {
  version: '0.1.0',
  gateway_id: 'gw-7',
  started_at: new Date(NOON - 3 * 86_400_000).toISOString(),
  bus: { connected: true, problem: null },
  state: { path: '/var/lib/gatewatch/state.ring', problem: null },
  not_ready: [],
  units: gatewayState().units.map(unitJson),
}

test('is a table that fits 80 columns', async () => {
  await using agent = await fakeAgent((_, response) => json(response, ANSWER))
  const out = recordingConsole()
  expect(await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)).toBe(0)
  expect(out.out()).toMatchInlineSnapshot(`
    "gatewatch 0.1.0 on gw-7, up 3d: well

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

    hwcheck: gave up: see 'systemctl status hwcheck'
    hwcheck: 3 runs lost: nobody saw how they ended
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

test('cuts names in the middle where the terminal is narrow, and nothing where it is none', async () => {
  await using agent = await fakeAgent((_, response) => json(response, ANSWER))
  const sources = { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }
  const narrow = recordingConsole({ columns: 74 })
  await status(false, sources, narrow)
  expect(narrow.out()).toContain('wirepas…-ttys1')
  const piped = recordingConsole({ columns: null })
  await status(false, sources, piped)
  expect(piped.out()).toContain('wirepas-sink-ttys1 ')
})

test('tells why the agent is not well', async () => {
  const ill = {
    ...ANSWER,
    bus: { connected: false, problem: 'connect ENOENT' },
    state: { path: '/x', problem: 'EROFS' },
    not_ready: ['configuration: 2 problems'],
    units: [],
  }
  await using agent = await fakeAgent((_, response) => json(response, ill))
  const out = recordingConsole()
  await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(out.out()).toBe(`\
gatewatch 0.1.0 on gw-7, up 3d: not well
  configuration: 2 problems
  bus: connect ENOENT
  state file: EROFS

UNIT  STATE  SINCE START STOP CRASH RESTART  LAST CRASH
`)
})

test('has colours where the terminal has', async () => {
  await using agent = await fakeAgent((_, response) => json(response, ANSWER))
  const out = recordingConsole({ color: true })
  await status(false, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(out.out()).toContain('\u001b[31mfailed\u001b[39m  ')
})

test('with --json is the answer of the agent alone on stdout', async () => {
  await using agent = await fakeAgent((_, response) => json(response, ANSWER))
  const out = recordingConsole()
  await status(true, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out)
  expect(JSON.parse(out.out())).toEqual({ agent_running: true, ...JSON.parse(JSON.stringify(ANSWER)) })
})

test('reads the state file where no agent runs, and says so', async () => {
  const out = recordingConsole()
  expect(await status(false, { client: noAgent, stateFile: fakeStateFile(STORED) }, out)).toBe(0)
  expect(out.err()).toBe(
    'gatewatch: no agent runs; this is what the state file holds (/var/lib/gatewatch/state.ring, written 2026-11-20T12:00:00Z)\n',
  )
  expect(out.out()).toMatch(/^UNIT .*\nwirepas-gateway /)
  const machine = recordingConsole()
  await status(true, { client: noAgent, stateFile: fakeStateFile(STORED) }, machine)
  expect(JSON.parse(machine.out())).toMatchObject({ agent_running: false, gateway_id: 'gw-7', stream: IDENTITY.stream })
})

test('says what to do where there is neither', async () => {
  const out = recordingConsole()
  const code = await failureAsExitCode(out, () =>
    status(false, { client: noAgent, stateFile: fakeStateFile(null) }, out),
  )
  expect({ code, said: out.err() }).toEqual({
    code: 1,
    said:
      'gatewatch: no agent runs (nobody listens on /nonexistent/gatewatch.sock) and there is no state file ' +
      "/var/lib/gatewatch/state.ring: start it with 'systemctl start gatewatch' or 'gatewatch run', or name the ones in use " +
      'with --socket and -p\n',
  })
})

test('the help of status names every field of its JSON', async () => {
  const { help } = await import('../../../src/cli/commands/help.ts')
  const out = recordingConsole({ columns: null })
  help('status', out)
  for (const field of Object.keys(ANSWER.units[0] ?? {})) expect(out.out()).toMatch(new RegExp(`\\b${field}\\b`))
  for (const field of ['agent_running', ...Object.keys(ANSWER)]) expect(out.out()).toMatch(new RegExp(`\\b${field}\\b`))
})
