// The commands that change something: import, clear; and the ones that only show: dump, version.
import { expect, test } from 'vitest'
import { clientOf } from '../../src/cli/agent-client.ts'
import { clear } from '../../src/cli/commands/clear.ts'
import { dump } from '../../src/cli/commands/dump.ts'
import { importFile, importStates } from '../../src/cli/commands/import.ts'
import { version } from '../../src/cli/commands/version.ts'
import { fakeAgent, fakeStateFile, json, NOON, noAgent, recordingConsole } from './fake-agent.ts'
import { EVENTS, gatewayState, IDENTITY } from './samples.ts'

const STATES = '{"mosquitto": {"starts": 3, "stops": 2, "crashes": 1}, "gone": {"starts": 1}}'
const BASELINES = {
  'mosquitto.service': { starts: 3, stops: 1, crashes: 1, restarts: 0, lost: 0 },
  'gone.service': { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 },
}

test('import hands the baselines to the running agent and names what it does not watch', async () => {
  await using agent = await fakeAgent((_, response) =>
    json(response, { imported: ['mosquitto.service'], not_watched: ['gone.service'] }),
  )
  const out = recordingConsole()
  const stateFile = fakeStateFile(null)
  expect(await importStates('s.json', STATES, { client: clientOf(agent.socket), stateFile }, out)).toBe(1)
  expect(agent.requests).toEqual([{ method: 'POST', url: '/api/v1/import', body: JSON.stringify(BASELINES) }])
  expect(out.err()).toBe(`\
gatewatch: 1 of the stops were crashes, which the former program booked as stops too: subtracted
gatewatch: gone.service is not watched: add it to monitored_services, import again
gatewatch: imported the counters of 1 unit from s.json
`)
  expect(stateFile.done).toEqual([])
})

test('import goes into the state file where no agent runs', async () => {
  const out = recordingConsole()
  const stateFile = fakeStateFile(null)
  expect(await importStates('s.json', STATES, { client: noAgent, stateFile }, out)).toBe(0)
  expect(stateFile.done).toEqual([['import', stateFile.path, BASELINES]])
  expect(out.err()).toContain('no agent runs; the counters went into the state file /var/lib/gatewatch/state.ring\n')
})

test('import of something else says what it expects', async () => {
  const out = recordingConsole()
  expect(await importStates('s.json', '[]', { client: noAgent, stateFile: fakeStateFile(null) }, out)).toBe(1)
  expect(out.err()).toBe(`\
gatewatch: s.json: is not a service_states.json: expected an object {"UNIT": {"starts": ...}}
gatewatch: s.json: nothing to import; expected {"UNIT": {"starts": N, "stops": N, "crashes": N}, ...}
`)
})

test('import of a file that is not there says what to do', async () => {
  const out = recordingConsole()
  const readText = () => {
    throw new Error('ENOENT: no such file')
  }
  expect(await importFile('s.json', readText, { client: noAgent, stateFile: fakeStateFile(null) }, out)).toBe(1)
  expect(out.err()).toBe('gatewatch: s.json cannot be read (ENOENT: no such file): name the old service_states.json\n')
})

test('clear asks the agent, or clears the state file', async () => {
  await using agent = await fakeAgent((_, response) => json(response, { cleared: 12 }))
  const stateFile = fakeStateFile({ state: gatewayState(), events: EVENTS, identity: IDENTITY, writtenAtMs: NOON })
  const out = recordingConsole()
  expect(await clear({ client: clientOf(agent.socket), stateFile }, out)).toBe(0)
  expect(agent.requests).toEqual([{ method: 'POST', url: '/api/v1/clear', body: '' }])
  expect(stateFile.done).toEqual([])
  expect(await clear({ client: noAgent, stateFile }, out)).toBe(0)
  expect(stateFile.done).toEqual([['clear', stateFile.path]])
  expect(out.err()).toBe(`\
gatewatch: counters cleared; a unit that runs counts one start
gatewatch: no agent runs; counters cleared in the state file /var/lib/gatewatch/state.ring
`)
})

test('clear makes no state file where there is none', async () => {
  const stateFile = fakeStateFile(null)
  const out = recordingConsole()
  expect(await clear({ client: noAgent, stateFile }, out)).toBe(1)
  expect(stateFile.done).toEqual([])
  expect(out.err()).toMatch(/there is no state file \/var\/lib\/gatewatch\/state\.ring: nothing to clear/)
})

test('dump shows all that a state file holds', async () => {
  const out = recordingConsole()
  const kept = { state: gatewayState(), events: EVENTS, identity: IDENTITY, writtenAtMs: NOON }
  expect(await dump('a.ring', fakeStateFile(kept), out)).toBe(0)
  const whole = JSON.parse(out.out())
  expect(whole).toMatchObject({
    file: 'a.ring',
    written_at: '2026-11-20T12:00:00.000Z',
    stream: IDENTITY.stream,
    seq: 0,
  })
  expect(whole.units).toHaveLength(12)
  expect(whole.events).toHaveLength(EVENTS.length)
  await expect(dump('b.ring', fakeStateFile(null), out)).rejects.toThrow('b.ring: no such file')
})

test('version for people and for programs', () => {
  const until = { node_supported_until: '2099-04-30' }
  const build = { version: '0.1.0', revision: 'abc', node_version: 'v20.11.0', target: 'linux-arm64', ...until }
  const out = recordingConsole()
  version(build, false, out)
  version(build, true, out)
  expect(out.out()).toBe(`gatewatch 0.1.0 (abc, Node.js v20.11.0, linux-arm64)\n${JSON.stringify(build)}\n`)
  const old = recordingConsole()
  version({ ...build, node_supported_until: '2001-04-30' }, false, old)
  expect(old.out()).toContain('Node.js v20.11.0, past its end of life since 2001-04-30, linux-arm64')
})
