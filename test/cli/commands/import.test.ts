// gatewatch import: into the running agent, or into the state file.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { importFile, importStates } from '../../../src/cli/commands/import.ts'
import { readTextFile } from '../../../src/config/text-file.ts'
import { fakeAgent, fakeStateFile, json, noAgent, recordingConsole } from '../fake-agent.ts'

const STATES = '{"mosquitto": {"starts": 3, "stops": 2, "crashes": 1}, "gone": {"starts": 1}}'
const BASELINES = {
  'mosquitto.service': { starts: 3, stops: 1, crashes: 1, restarts: 0, lost: 0 },
  'gone.service': { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 },
}

test('import sends the baselines to the running agent and names the units that are not watched', async () => {
  await using agent = await fakeAgent((_, response) =>
    json(response, { imported: ['mosquitto.service'], not_watched: ['gone.service'] }),
  )
  const out = recordingConsole()
  const stateFile = fakeStateFile(null)
  expect(await importStates('s.json', STATES, { client: clientOf(agent.socket), stateFile }, out)).toBe(1)
  expect(agent.requests).toEqual([{ method: 'POST', url: '/api/v1/import', body: JSON.stringify(BASELINES) }])
  expect(out.err()).toBe(`\
gatewatch: subtracted 1 stop: the former program counted each crash as a stop as well
gatewatch: gone.service is not watched and was not imported; add it to monitored_services and import again
gatewatch: imported the counters of 1 unit from s.json
`)
  expect(stateFile.done).toEqual([])
})

test('import changes the state file if the agent is not running', async () => {
  const out = recordingConsole()
  const stateFile = fakeStateFile(null)
  expect(await importStates('s.json', STATES, { client: noAgent, stateFile }, out)).toBe(0)
  expect(stateFile.done).toEqual([['import', stateFile.path, BASELINES]])
  expect(out.err()).toContain(
    'the agent is not running; imported the counters into the state file /var/lib/gatewatch/state.ring\n',
  )
})

test('import of another file reports the expected format', async () => {
  const out = recordingConsole()
  expect(await importStates('s.json', '[]', { client: noAgent, stateFile: fakeStateFile(null) }, out)).toBe(1)
  expect(out.err()).toBe(`\
gatewatch: s.json: is not a service_states.json: expected an object {"UNIT": {"starts": ...}}
gatewatch: s.json: nothing to import; expected {"UNIT": {"starts": N, "stops": N, "crashes": N}, ...}
`)
})

test('import of a missing file reports what to do', async () => {
  const sources = { client: noAgent, stateFile: fakeStateFile(null) }
  await expect(importFile('/none/s.json', readTextFile, sources, recordingConsole())).rejects.toThrow(
    'cannot read /none/s.json: no such file; give the path of the old service_states.json',
  )
})
