// gatewatch clear: through the running agent, or in the state file.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { clear } from '../../../src/cli/commands/clear.ts'
import { fakeAgent, fakeStateFile, json, noAgent, recordingConsole } from '../fake-agent.ts'
import { STORED } from '../samples.ts'

test('clear is sent to the agent, or changes the state file if the agent is not running', async () => {
  await using agent = await fakeAgent((_, response) => json(response, { cleared: 12 }))
  const stateFile = fakeStateFile(STORED)
  const out = recordingConsole()
  expect(await clear({ client: clientOf(agent.socket), stateFile }, out)).toBe(0)
  expect(agent.requests).toEqual([{ method: 'POST', url: '/api/v1/clear', body: '' }])
  expect(stateFile.done).toEqual([])
  expect(await clear({ client: noAgent, stateFile }, out)).toBe(0)
  expect(stateFile.done).toEqual([['clear', stateFile.path]])
  expect(out.err()).toBe(`\
gatewatch: counters cleared; each running unit counts as one start
gatewatch: the agent is not running; cleared the counters in the state file /var/lib/gatewatch/state.ring
`)
})

test('clear does not create a state file', async () => {
  const stateFile = fakeStateFile(null)
  const out = recordingConsole()
  expect(await clear({ client: noAgent, stateFile }, out)).toBe(1)
  expect(stateFile.done).toEqual([])
  expect(out.err()).toMatch(
    /^gatewatch: nothing to clear: the agent is not running and there is no state file \/var\/lib\/gatewatch\/state\.ring/,
  )
})
