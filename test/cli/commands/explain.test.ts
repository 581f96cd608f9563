// gatewatch explain: the agent's explanation as text and as JSON, what is not found, and without an agent.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { type DirectSources, explain } from '../../../src/cli/commands/explain.ts'
import type { OfflineState } from '../../../src/cli/console.ts'
import type { ExplanationView } from '../../../src/core/explain/explanation.ts'
import type { UnitStatus } from '../../../src/core/unit-status.ts'
import { INACTIVE, status } from '../../core/explain/explained.ts'
import { fakeAgent, fakeStateFile, json, NOON, noAgent, recordingConsole } from '../fake-agent.ts'
import { CRASH, IDENTITY, STORED, unit } from '../samples.ts'

const ID = `${IDENTITY.stream}-41`
const VIEW: ExplanationView = {
  service: 'mosquitto.service',
  event: null,
  sentences: [
    'mosquitto.service crashed at 2026-11-20 12:00:00Z (1 min ago): its main process exited with code 3.',
    'Not known: why the program failed.',
    'What you can do: correct the cause; then run `gatewatch start mosquitto.service`.',
  ],
  timeline: [
    { id: 'a', timestamp: 't', ms_before: 1234, service: 'hwcheck.service', event: 'stop', text: 'stop 1' },
    { id: 'b', timestamp: 't', ms_before: 40, event: 'command', text: 'clear via socket: done' },
    { id: 'c', timestamp: 't', ms_before: 0, service: 'mosquitto.service', event: 'crash', text: 'exit 3 (crash 4)' },
  ],
  timeline_left_out: 2,
  frames: ['parse (sink + 0x1a)'],
  log: ['a\u001b[31m line'],
}

function direct(statusOf: (unit: string) => UnitStatus | null): DirectSources {
  return {
    status: async (name) => statusOf(name),
    fromJournal: async () => ({ log: ['a line'], evidence: {} }),
    evidence: () => ({ explain: false, journal: 'readable' }),
    now: () => ({ wallMs: NOON + 60_000, monoMs: 1_000_000 }),
  }
}
const never = direct(() => {
  throw new Error('not expected here')
})

async function run(
  subject: string,
  reply: unknown,
  code = 200,
  asJson = false,
  console: Partial<{ color: boolean }> = {},
) {
  await using agent = await fakeAgent((_, response) => json(response, reply, code))
  const out = recordingConsole(console)
  const sources = { client: clientOf(agent.socket), stateFile: fakeStateFile(null), direct: never }
  return { exit: await explain(subject, asJson, sources, out), out, urls: agent.requests.map(({ url }) => url) }
}

test('prints sentences, the minute before, frames and log lines, without control characters', async () => {
  const { exit, out, urls } = await run('mosquitto.service', VIEW)
  expect([exit, urls]).toEqual([0, ['/api/v1/units/mosquitto.service/explain']])
  expect(out.out()).toBe(`mosquitto.service crashed at 2026-11-20 12:00:00Z (1 min ago): its main process
exited with code 3.
Not known: why the program failed.
What you can do: correct the cause; then run \`gatewatch start
mosquitto.service\`.

The minute before, on this gateway:
 BEFORE  UNIT       EVENT    DETAILS
1.234 s  hwcheck    stop     stop 1
0.040 s  (agent)    command  clear via socket: done
0.000 s  mosquitto  crash    exit 3 (crash 4)
(2 earlier events left out)

Frames of the crashing thread, topmost first:
  parse (sink + 0x1a)

Last log lines of the run:
  a\\x1b[31m line
`)
})

test('--json prints the object of the API; the id of an event is explained as such', async () => {
  const { out, urls } = await run(ID, VIEW, 200, true)
  expect(urls).toEqual([`/api/v1/events/${ID}/explain`])
  expect(JSON.parse(out.out())).toEqual(VIEW)
})

test('on a terminal, what is not known and what can be done are marked', async () => {
  const { out } = await run('mosquitto.service', VIEW, 200, false, { color: true })
  expect(out.out()).toContain('\u001b[33mNot known:\u001b[39m why')
  expect(out.out()).toContain('\u001b[1mWhat you can do:\u001b[22m')
})

test('a minute without another event is described in words', async () => {
  const { out } = await run('a.service', { ...VIEW, timeline: VIEW.timeline.slice(2), timeline_left_out: 0 })
  expect(out.out()).toContain('In the minute before, there was no other event of a watched unit.\n')
})

test.each([
  ['x.service', 'unknown_unit', 5],
  [ID, 'unknown_event', 1],
])('exits for %s, which does not exist, with an error', async (subject, code, exit) => {
  const result = await run(subject, { error: { code, message: 'there is nothing' } }, 404)
  expect([result.exit, result.out.out(), result.out.err()]).toEqual([exit, '', 'gatewatch: there is nothing\n'])
})

test('another error of the agent is an error', async () => {
  await expect(run('a.service', { error: { code: 'no_bus', message: 'no bus' } }, 503)).rejects.toThrow('503: no bus')
})

const offline = (subject: string, statusOf: (unit: string) => UnitStatus | null, content: OfflineState = STORED) => {
  const out = recordingConsole()
  const sources = { client: noAgent, stateFile: fakeStateFile(content), direct: direct(statusOf) }
  return { out, exit: explain(subject, false, sources, out) }
}

test('without an agent it explains from the state file, systemd and the journal, and reports that', async () => {
  const stored = { ...STORED, events: [CRASH] }
  const { out, exit } = offline('mosquitto.service', (name) => status(name), stored)
  expect(await exit).toBe(0)
  expect(out.err()).toMatch(/^gatewatch: the agent is not running; showing the state file \(/)
  expect(out.out().replaceAll('\n', ' ')).toContain(
    'mosquitto.service crashed at 2026-11-20 12:00:00Z (1 min ago): its main process was ended by SIGKILL.',
  )
  expect(out.out()).toContain('Last log lines of the run:\n  a line\n')
  const event = offline(ID, () => null, stored)
  expect(await event.exit).toBe(0)
  expect(event.out.out().replaceAll('\n', ' ')).toContain('is not known, because systemd did not respond.')
})

test('without an agent, units and events that do not exist are not found', async () => {
  const missing = (name: string) => status(name, { ...INACTIVE, loadState: 'not-found' })
  const found = async (subject: string, statusOf: (unit: string) => UnitStatus | null) => {
    const { exit, out } = offline(subject, statusOf)
    return [await exit, out.err().split('\n').at(-2)]
  }
  expect(await found('x.service', missing)).toEqual([5, expect.stringContaining('x.service is not watched')])
  expect(await found(`${IDENTITY.stream}-999`, missing)).toEqual([1, expect.stringContaining('-999 is stored')])
  expect(await found('mosquitto.service', missing)).toEqual([0, expect.stringContaining('not running')])
  await expect(offline('x.service', () => null).exit).rejects.toThrow('systemd did not respond')
  const one = { ...STORED.state, units: [unit('a.service')], index: new Map([['a.service', 0]]) }
  expect(await offline('a.service', () => null, { ...STORED, state: one }).exit).toBe(0)
})
