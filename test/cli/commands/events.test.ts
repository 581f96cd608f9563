// gatewatch events: from the agent, from the state file, and with --follow across a restart of the agent.
import { describe, expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { events } from '../../../src/cli/commands/events.ts'
import { eventJson } from '../../../src/core/views/api-json.ts'
import { fakeAgent, fakeStateFile, json, noAgent, recordingConsole } from '../fake-agent.ts'
import { CRASH, EVENTS, IDENTITY, STORED } from '../samples.ts'

process.env.TZ = 'UTC'

const ALL = { follow: false, json: false, unit: null, kind: null, limit: null }
const NEVER = { until: new AbortController().signal, pause: async () => {} }
const PAGE = { events: EVENTS.map((event) => eventJson(event, IDENTITY)), next: 'x-51' }
test('each event is one line', async () => {
  await using agent = await fakeAgent((_, response) => json(response, PAGE))
  const out = recordingConsole()
  expect(await events(ALL, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out, NEVER)).toBe(0)
  expect(out.out()).toMatchInlineSnapshot(`
    "2026-11-20 12:00:01  start          mosquitto: start 5 (gap of 64 event numbers)
    2026-11-20 12:00:02  restart        mosquitto: restart 4, start 5
    2026-11-20 12:00:03  stop           mosquitto: stop 1
    2026-11-20 12:00:00  crash          mosquitto: SIGKILL, will restart (crash 4)
    2026-11-20 12:00:00  crash          mosquitto: exit 3, will not restart (crash 4)
    2026-11-20 12:00:00  crash          mosquitto: SIGSEGV, core dumped, requested (crash 4)
    2026-11-20 12:00:00  crash          mosquitto: unknown (crash 4), detected later
    2026-11-20 12:00:45  lost           mosquitto: run ended unobserved (lost 1)
    2026-11-20 12:00:46  gave_up        mosquitto: exit-code: systemd will not restart it
    2026-11-20 12:00:47  flapping       mosquitto: 5 crashes in 300 s
    2026-11-20 12:00:48  flapping       mosquitto: ended
    2026-11-20 12:00:49  summary        mosquitto: 600 starts, 0 stops, 600 crashes (rate limit)
    2026-11-20 12:00:50  unit_appeared  mosquitto: loaded
    2026-11-20 12:00:51  unit_vanished  mosquitto: not-found
    2026-11-20 12:00:52  command        mosquitto: restart via mqtt: done
    2026-11-20 12:00:53  command        mosquitto: stop via http by ops: denied
    2026-11-20 12:00:54  start_refused  mosquitto: not started: dependency
    2026-11-20 12:00:57  evidence       mosquitto: of 0123456789abcdef-41
    2026-11-20 12:00:56  command        clear via socket: done
    2026-11-20 12:00:55  identity_changed  machine ffffffffffffffffffffffffffffffff -> aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, gateway_id gw-6 -> gw-7
    "
  `)
  expect(agent.requests[0]?.url).toBe('/api/v1/events?limit=50')
})

test('filters are part of the request, and with --json each event is one JSON line', async () => {
  const found = { events: PAGE.events.slice(0, 2), next: 'x-2', units: [{ service: 'a@b.service' }] }
  await using agent = await fakeAgent((_, response) => json(response, found))
  const out = recordingConsole()
  const options = { ...ALL, json: true, unit: 'a@b.service', kind: 'crash', limit: 2 }
  await events(options, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out, NEVER)
  expect(agent.requests[0]?.url).toBe('/api/v1/events?limit=2&unit=a%40b.service&kind=crash')
  expect(
    out
      .out()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual(JSON.parse(JSON.stringify(PAGE.events.slice(0, 2))))
})

test('the events of the state file are filtered in the same way', async () => {
  const out = recordingConsole()
  const options = { ...ALL, json: true, kind: 'crash', limit: 2 }
  await events(options, { client: noAgent, stateFile: fakeStateFile(STORED) }, out, NEVER)
  const lines = out
    .out()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(lines.map(({ seq, replayed }) => ({ seq, replayed }))).toEqual([
    { seq: 43, replayed: true },
    { seq: 44, replayed: true },
  ])
  expect(out.err()).toMatch(/^gatewatch: the agent is not running; showing the state file/)
})

test('a crash has its journal lines below it, which cannot move the cursor', async () => {
  const crash = { ...eventJson(CRASH, IDENTITY), log: ['Out of memory', 'bye\u001b[2J'] }
  await using agent = await fakeAgent((_, response) => json(response, { events: [crash], next: 'x-41' }))
  const out = recordingConsole()
  await events(ALL, { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }, out, NEVER)
  expect(out.out()).toBe(
    `2026-11-20 12:00:00  crash          mosquitto: SIGKILL, will restart (crash 4)
                                    | Out of memory
                                    | bye\\x1b[2J
`,
  )
})

describe('--unit', () => {
  const names = ['mosquitto.service', 'sink@1.service', 'sink@2.service']
  const page = (...units: string[]) => ({
    events: units.map((unit) => eventJson({ ...CRASH, unit }, IDENTITY)),
    next: 'x-41',
  })
  const shown = async (unit: string, found: object, more: object = {}) => {
    await using agent = await fakeAgent(({ url }, response) =>
      json(response, url.startsWith('/api/v1/units') ? { units: names.map((service) => ({ service })) } : found),
    )
    const out = recordingConsole()
    const sources = { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }
    const code = await events({ ...ALL, unit, ...more }, sources, out, NEVER)
    return { code, err: out.err(), lines: out.out().split('\n').length - 1, url: agent.requests[0]?.url }
  }

  test('takes a pattern, which the agent applies', async () => {
    expect(await shown('sink@*.service', page('sink@1.service', 'sink@2.service'))).toEqual({
      ...{ code: 0, err: '', lines: 2, url: '/api/v1/events?limit=50&unit=sink%40*.service' },
    })
  })

  test('reports a unit that is not watched, with the name that was probably meant', async () => {
    expect(await shown('mosquito.service', page())).toMatchObject({
      ...{ code: 5, err: 'gatewatch: mosquito.service is not watched: did you mean mosquitto?\n' },
    })
    // Near only in the suffix.
    expect(await shown('zzz.service', page())).toMatchObject({ err: 'gatewatch: zzz.service is not watched\n' })
    expect(await shown('tty*', page())).toMatchObject({ code: 5, err: 'gatewatch: no watched unit matches tty*\n' })
  })

  test('still shows the events of a unit that was watched before', async () => {
    expect(await shown('old.service', page('old.service'))).toMatchObject({
      ...{ code: 0, lines: 1, err: 'gatewatch: old.service is not watched\n' },
    })
  })

  test('applies to the state file too', async () => {
    const out = recordingConsole()
    const sources = { client: noAgent, stateFile: fakeStateFile(STORED) }
    expect(await events({ ...ALL, unit: 'mosq*.service', limit: 3 }, sources, out, NEVER)).toBe(0)
    expect(out.out().split('\n')).toHaveLength(4)
    expect(await events({ ...ALL, unit: 'nothing.service' }, sources, out, NEVER)).toBe(5)
    expect(out.err()).toMatch(/gatewatch: nothing.service is not watched\n$/)
  })
})

test('--follow continues after a restart of the agent, from the last event received, and shows no states', async () => {
  const enough = new AbortController()
  const state = 'event: state\ndata: {"state":{"service":"a.service"}}\n\n'
  const frames = [
    `${state}id: x-52\ndata: {"event":"start","service":"a.service"}\n\n${state}`,
    'id: x-53\ndata: {"event":"stop"}\n\n',
  ]
  await using agent = await fakeAgent(({ url }, response) => {
    if (url.startsWith('/api/v1/events')) return json(response, { events: [], next: 'x-51' })
    response.writeHead(200)
    if (frames.length === 0) enough.abort()
    response.end(frames.shift())
  })
  const out = recordingConsole()
  const sources = { client: clientOf(agent.socket), stateFile: fakeStateFile(null) }
  const pauses: number[] = []
  const pause = async (ms: number) => void pauses.push(ms)
  await events({ ...ALL, follow: true, json: true }, sources, out, { until: enough.signal, pause })
  expect(agent.requests.map(({ url }) => url)).toEqual([
    '/api/v1/events?limit=10',
    '/api/v1/stream?since=x-51',
    '/api/v1/stream?since=x-52',
    '/api/v1/stream?since=x-53',
  ])
  expect(out.out()).toBe('{"event":"start","service":"a.service"}\n{"event":"stop"}\n')
  expect(out.err()).toBe(
    'gatewatch: connection to the agent lost; waiting for it to restart\ngatewatch: reconnected to the agent\ngatewatch: connection to the agent lost; waiting for it to restart\n',
  )
  expect(pauses).toEqual([1000, 1000])
})

test('--follow is refused if the agent is not running', async () => {
  const sources = { client: noAgent, stateFile: fakeStateFile(STORED) }
  await expect(events({ ...ALL, follow: true }, sources, recordingConsole(), NEVER)).rejects.toThrow(
    "the agent is not running, so there are no events to follow (nothing is listening on /nonexistent/gatewatch.sock); start it with 'systemctl start gatewatch'",
  )
})
