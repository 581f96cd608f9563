// gatewatch clear: through the running agent, or in the state file.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { clear } from '../../../src/cli/commands/clear.ts'
import { fakeAgent, fakeStateFile, json, noAgent, recordingConsole } from '../fake-agent.ts'
import { STORED } from '../samples.ts'

const ALL = { keepEvents: false, logFile: null }
const LOG = '/var/log/gatewatch.log'

test('clear is sent to the agent, or changes the state file if the agent is not running', async () => {
  await using agent = await fakeAgent((_, response) => json(response, { cleared: 12 }))
  const stateFile = fakeStateFile(STORED)
  const out = recordingConsole()
  expect(await clear(ALL, { client: clientOf(agent.socket), stateFile }, out)).toBe(0)
  expect(agent.requests).toEqual([{ method: 'POST', url: '/api/v1/clear', body: '' }])
  expect(stateFile.done).toEqual([])
  expect(await clear(ALL, { client: noAgent, stateFile }, out)).toBe(0)
  expect(stateFile.done).toEqual([['clear', stateFile.path]])
  expect(out.err()).toBe(`\
gatewatch: counters and stored events cleared; each running unit counts as one start
gatewatch: the agent is not running; counters and stored events cleared in the state file /var/lib/gatewatch/state.ring
`)
})

test('clear can keep the events, and empties a log: that of the agent, or any if no agent runs', async () => {
  await using agent = await fakeAgent((_, response) => json(response, { cleared: 12 }))
  const stateFile = fakeStateFile(STORED)
  const out = recordingConsole()
  const command = { keepEvents: true, logFile: LOG }
  expect(await clear(command, { client: clientOf(agent.socket), stateFile }, out)).toBe(0)
  expect(agent.requests[0]?.body).toBe(JSON.stringify({ keep_events: true, log_file: LOG }))
  expect(stateFile.done).toEqual([])
  expect(await clear(command, { client: noAgent, stateFile }, out)).toBe(0)
  expect(stateFile.done).toEqual([
    ['empty', LOG],
    ['clear', stateFile.path, 'keep events'],
  ])
  expect(out.err()).toBe(`\
gatewatch: counters cleared, stored events kept; each running unit counts as one start; emptied ${LOG}
gatewatch: the agent is not running; counters cleared, stored events kept in the state file /var/lib/gatewatch/state.ring; emptied ${LOG}
`)
})

test('a log that cannot be emptied leaves the state file as it is', async () => {
  const stateFile = { ...fakeStateFile(STORED), emptyLog: () => Promise.reject(new Error('it is not a regular file')) }
  const failed = clear({ ...ALL, logFile: '/dev/null' }, { client: noAgent, stateFile }, recordingConsole())
  await expect(failed).rejects.toThrow('cannot empty /dev/null: it is not a regular file; nothing was cleared')
  expect(stateFile.done).toEqual([])
})

test('a state file that an agent uses leaves the log as it is', async () => {
  const fake = fakeStateFile(STORED)
  const stateFile = { ...fake, clear: () => Promise.reject(new Error('another gatewatch is already running')) }
  const failed = clear({ ...ALL, logFile: LOG }, { client: noAgent, stateFile }, recordingConsole())
  await expect(failed).rejects.toThrow('another gatewatch')
  expect(fake.done).toEqual([])
})

test('clear does not create a state file', async () => {
  const stateFile = fakeStateFile(null)
  const out = recordingConsole()
  expect(await clear(ALL, { client: noAgent, stateFile }, out)).toBe(1)
  expect(stateFile.done).toEqual([])
  expect(out.err()).toMatch(
    /^gatewatch: nothing to clear: the agent is not running and there is no state file \/var\/lib\/gatewatch\/state\.ring/,
  )
  expect(await clear({ ...ALL, logFile: LOG }, { client: noAgent, stateFile }, out)).toBe(0)
  expect(stateFile.done).toEqual([['empty', LOG]])
  expect(out.err()).toContain(`there is no state file ${stateFile.path}; emptied ${LOG}`)
})
