// Topics, payloads, broker URLs and error texts, as literal tables.
import { expect, test } from 'vitest'
import { newUnit } from '../../src/core/unit.ts'
import { readBrokerUrl } from '../../src/mqtt/connection/broker-url.ts'
import { connectionErrorOf } from '../../src/mqtt/connection/error-text.ts'
import { droppedPayload, eventPayload, statePayload } from '../../src/mqtt/payloads.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'
import { crashed } from './event.ts'

const TOPICS = topicsOf('gatewatch', 'gw-7')
const IDENTITY = { gatewayId: 'gw-7', machineId: 'm'.repeat(32), stream: '00112233aabbccdd' }

test('topics are those of the contract', () => {
  expect([TOPICS.availability, TOPICS.agent]).toEqual(['gatewatch/gw-7/availability', 'gatewatch/gw-7/agent'])
  expect((['gave_up', 'start_refused', 'dropped'] as const).map(TOPICS.event)).toEqual([
    'gatewatch/gw-7/event/gave_up',
    'gatewatch/gw-7/event/start_refused',
    'gatewatch/gw-7/event/dropped',
  ])
  expect(topicsOf('site/a', 'x').agent).toBe('site/a/x/agent')
})

test.each([
  ['mosquitto.service', 'gatewatch/gw-7/unit/mosquitto.service/state'],
  ['sink@tty-1.service', 'gatewatch/gw-7/unit/sink@tty-1.service/state'],
  ['dev-disk-by\\x2duuid-a:b_c.device', 'gatewatch/gw-7/unit/dev-disk-by\\x2duuid-a:b_c.device/state'],
  ['no+such#name/at%all', 'gatewatch/gw-7/unit/no%2bsuch%23name%2fat%25all/state'],
])('the state of %s has its own topic, from which the name can be read back', (unit, topic) => {
  expect(TOPICS.unitState(unit)).toBe(topic)
  expect(TOPICS.unitOf(topic)).toBe(unit)
})

test.each([
  'gatewatch/gw-7/agent',
  'gatewatch/gw-7/unit/a/b/state',
  'gatewatch/gw-7/unit//state',
  'gatewatch/gw-8/unit/a/state',
])('%s is not the state of a unit', (topic) => {
  expect(TOPICS.unitOf(topic)).toBeNull()
})

test('an event is the same object as everywhere, with `replayed`', () => {
  expect(JSON.parse(eventPayload(crashed(41), IDENTITY, true))).toEqual({
    schema: 1,
    id: '00112233aabbccdd-41',
    seq: 41,
    event: 'crash',
    service: 'mosquitto.service',
    timestamp: '2023-11-14T22:13:20.000Z',
    gateway_id: 'gw-7',
    machine_id: 'm'.repeat(32),
    boot_id: 'b'.repeat(32),
    from_state: 'active',
    to_state: 'failed',
    sub_state: 'failed',
    result: 'signal',
    exit_code: null,
    signal: 'SIGKILL',
    core_dumped: false,
    invocation_id: 'a'.repeat(32),
    requested: false,
    will_restart: true,
    counters: { starts: 5, stops: 1, crashes: 4, restarts: 4, lost: 0 },
    source: 'signal',
    replayed: true,
    clock_synced: true,
  })
})

test('the record of dropped events has their range, number, kinds and reasons', () => {
  const dropped = { fromSeq: 5, toSeq: 90, count: 80, byKind: { start: 40, stop: 40 }, byReason: { cleared: 80 } }
  expect(JSON.parse(droppedPayload(dropped, IDENTITY, 'b1', 1_700_000_000_000))).toEqual({
    schema: 1,
    event: 'dropped',
    timestamp: '2023-11-14T22:13:20.000Z',
    gateway_id: 'gw-7',
    machine_id: 'm'.repeat(32),
    boot_id: 'b1',
    stream: '00112233aabbccdd',
    from_seq: 5,
    to_seq: 90,
    dropped: 80,
    by_kind: { start: 40, stop: 40 },
    by_reason: { cleared: 80 },
  })
})

test('a state contains neither command lines nor the environment', () => {
  const state = JSON.parse(statePayload(newUnit('a.service'), IDENTITY))
  expect(Object.keys(state).toSorted()).toEqual([
    ...['active_state', 'baseline', 'counters', 'failures', 'flapping', 'frozen', 'gateway_id', 'gave_up'],
    ...['invocation_id', 'last_crash', 'load_state', 'missing', 'running', 'schema', 'service', 'since'],
    ...['start_jobs_failed', 'sub_state'],
  ])
})

test.each([
  ['mqtt://127.0.0.1:1883', { kind: 'tcp', host: '127.0.0.1', port: 1883 }, 'mqtt://127.0.0.1:1883', true],
  ['mqtt://[::1]', { kind: 'tcp', host: '::1', port: 1883 }, 'mqtt://[::1]:1883', true],
  [
    'mqtt://[fe80::1%25eth0]:1884',
    { kind: 'tcp', host: 'fe80::1', zone: 'eth0', port: 1884 },
    'mqtt://[fe80::1%25eth0]:1884',
    false,
  ],
  ['mqtts://broker.example', { kind: 'tls', host: 'broker.example', port: 8883 }, 'mqtts://broker.example:8883', false],
  ['mqtt://me:s%40cret@localhost:1884', { kind: 'tcp', host: 'localhost', port: 1884 }, 'mqtt://localhost:1884', true],
  [
    'mqtt+unix:///run/mosquitto/a%20b.sock',
    { kind: 'unix', path: '/run/mosquitto/a b.sock' },
    'mqtt+unix:///run/mosquitto/a b.sock',
    true,
  ],
  [
    'unix:///run/mosquitto.sock',
    { kind: 'unix', path: '/run/mosquitto.sock' },
    'mqtt+unix:///run/mosquitto.sock',
    true,
  ],
])('%s is parsed, and shown without its password', (text, address, shown, local) => {
  expect(readBrokerUrl(text)).toMatchObject({ address, shown, local })
})

test('user and password of a URL are decoded', () => {
  expect(readBrokerUrl('mqtt://me:s%40cret@localhost')).toMatchObject({ username: 'me', password: 's@cret' })
  expect(readBrokerUrl('mqtt://me:100%@localhost')).toMatchObject({ username: 'me', password: '100%' })
})

test.each([
  ['ws://me:secret@broker', 'mqtt.url must begin with mqtt://, mqtts:// or mqtt+unix://, not ws://'],
  ['broker', 'mqtt.url is not a URL like mqtt://127.0.0.1:1883'],
  ['unix:', 'mqtt.url has no socket path; use mqtt+unix:///path'],
  ['mqtt:///x', 'mqtt.url has no host'],
])('%s is refused, with a message that does not contain the password', (text, problem) => {
  expect(() => readBrokerUrl(text)).toThrow(new Error(problem))
})

test.each([
  [
    Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }),
    'connection refused (nothing is listening there)',
    false,
  ],
  [
    Object.assign(new Error('Connection refused: Not authorized'), { code: 135 }),
    'refused: Not authorized (see mqtt.username and mqtt.password_file)',
    false,
  ],
  [
    Object.assign(new Error('Connection refused: Unacceptable protocol version'), { code: 1 }),
    'refused: Unacceptable protocol version',
    true,
  ],
  ['odd', 'odd', false],
])('%s becomes a text that shows where to look', (error, text, version) => {
  expect(connectionErrorOf(error)).toEqual({ text, version, retain: false })
})
