// Prometheus' rules for senders, as its compliance suite checks them (remotewrite/sender in prometheus/compliance), at the
// bytes that a receiver gets.
import { expect, test } from 'vitest'
import { runningUnit, unit } from '../metrics/scrape-inputs.ts'
import { decodeWriteRequest, STALE } from './decode.ts'
import { pushClock, startGateway } from './gateway.ts'
import { createReceiver } from './receiver.ts'

const MINUTE = 60_000

function started(config: Parameters<typeof startGateway>[2] = {}) {
  const clock = pushClock()
  const receiver = createReceiver()
  const gateway = startGateway(receiver.post, clock, config)
  return { clock, receiver, gateway }
}

test('a request of one series is exactly this message', async () => {
  const { clock, receiver } = started({ match: ['nothing'] })
  await clock.go(0)
  const labels = [
    ['__name__', 'up'],
    ['gateway', 'gw-7'],
    ['instance', 'gw-7'],
    ['job', 'gatewatch'],
  ]
  expect(decodeWriteRequest(Buffer.from(receiver.requests[0]?.body ?? '', 'hex'))).toEqual([
    { labels, samples: [{ value: 1, bits: '3ff0000000000000', ms: 1_752_000_010_000 }] },
  ])
})

test('every series has sorted and unique labels, no empty one, __name__, job and instance; also the label gateway', async () => {
  const { clock, receiver } = started({ match: ['{__name__=~".+"}'] })
  await clock.go(0)
  // The receiver checks the rules.
  const [request] = receiver.accepted()
  expect(request?.series.length).toBeGreaterThan(90)
  const of = (label: string) => new Set(request?.series.map(({ labels }) => new Map(labels).get(label)))
  expect([...of('job'), ...of('instance'), ...of('gateway')]).toEqual(['gatewatch', 'gw-7', 'gw-7'])
  expect(of('__name__').has('gatewatch_http_request_seconds_bucket')).toBe(true)
})

test('configured labels are added, and replace job, instance and gateway; a label of the series itself is kept', async () => {
  const labels = { job: 'edge', instance: 'i-1', gateway: 'hall-3', site: 'north', service: 'x' }
  const { clock, receiver } = started({ labels, match: ['systemd_service_state'] })
  await clock.go(0)
  expect(receiver.accepted()[0]?.series.map((one) => Object.fromEntries(one.labels))).toEqual([
    { ...labels, __name__: 'up' },
    { ...labels, __name__: 'systemd_service_state', service: 'a.service' },
    { ...labels, __name__: 'systemd_service_state', service: 'b.service' },
  ])
})

test('by default, the families of the fleet are pushed, with up, and no other', async () => {
  const { clock, receiver } = started()
  await clock.go(0)
  const names = new Set(receiver.accepted()[0]?.series.map(({ labels }) => new Map(labels).get('__name__')))
  expect([...names].sort()).toEqual([
    'gatewatch_build_info',
    'gatewatch_flash_degraded',
    'gatewatch_health',
    'gatewatch_state_volatile',
    'gatewatch_unit_failures_total',
    'gatewatch_unit_flapping',
    'gatewatch_unit_gave_up',
    'gatewatch_unit_loaded',
    'gatewatch_unit_lost_total',
    'systemd_service_crashes_total',
    'systemd_service_restarts_total',
    'systemd_service_starts_total',
    'systemd_service_state',
    'systemd_service_stops_total',
    'up',
  ])
})

test('timestamps are those of the reading, one interval apart, and each push has one', async () => {
  const { clock, receiver } = started()
  await clock.go(3 * MINUTE)
  const first = 1_752_000_010_000
  expect(receiver.accepted().map(({ times }) => times)).toEqual([
    [first],
    [first + MINUTE],
    [first + 2 * MINUTE],
    [first + 3 * MINUTE],
  ])
})

test('up is 1 in each push', async () => {
  const { clock, receiver } = started()
  await clock.go(2 * MINUTE)
  expect(receiver.samples('up').map(([, value]) => value)).toEqual([1, 1, 1])
})

test('special values arrive as they are', async () => {
  const { clock, receiver, gateway } = started()
  const counters = { starts: 2 ** 47, stops: 0, crashes: 0, restarts: 0, lost: 0 }
  gateway.units = [runningUnit('ä"\\\n.service', { counters }), unit('never-read.service', { outOfContact: true })]
  await clock.go(0)
  expect(receiver.samples('systemd_service_starts_total', { service: 'ä"\\\n.service' })[0]?.[1]).toBe(2 ** 47)
  expect(receiver.samples('systemd_service_state', { service: 'never-read.service' })[0]?.[1]).toBe(-99)
})

test('a series that vanishes gets one staleness mark, at the time of the first push without it', async () => {
  const { clock, receiver, gateway } = started()
  await clock.go(0)
  gateway.units = [runningUnit('a.service')]
  await clock.go(2 * MINUTE)
  const b = receiver.samples('systemd_service_state', { service: 'b.service' })
  expect(b).toEqual([
    [1_752_000_010_000, 1],
    [1_752_000_010_000 + MINUTE, null],
  ])
  expect(receiver.samples('systemd_service_state', { service: 'a.service' }).map(([, value]) => value)).toEqual([
    1, 1, 1,
  ])
  const marks =
    receiver.requests[1]?.series.flatMap(({ samples }) => samples.filter(({ bits }) => bits === STALE)) ?? []
  expect(marks.length).toBeGreaterThan(5)
  // It exists again.
  gateway.units = [runningUnit('a.service'), runningUnit('b.service')]
  await clock.go(MINUTE)
  expect(receiver.samples('systemd_service_state', { service: 'b.service' }).at(-1)?.[1]).toBe(1)
})

test('at a clean stop up alone gets a staleness mark', async () => {
  const { clock, receiver, gateway } = started()
  await clock.go(0)
  clock.skip(1_500)
  await gateway.agent.stop()
  expect(receiver.samples('up')).toEqual([
    [1_752_000_010_000, 1],
    [1_752_000_011_500, null],
  ])
  expect(receiver.requests[1]?.series).toHaveLength(1)
  expect(clock.pending()).toBe(0)
})

test.each([500, 502, 503, 504])('after a response with status %i the same bytes are sent again', async (status) => {
  const { clock, receiver } = started()
  receiver.respond = () => ({ status })
  await clock.go(0)
  receiver.respond = () => ({ status: 204 })
  await clock.go(30_000)
  expect(receiver.requests.map((request) => request.status)).toEqual([status, 204])
  expect(receiver.requests[1]?.body).toBe(receiver.requests[0]?.body)
})

test.each([400, 409, 413, 422])(
  'after a response with status %i a batch of one timestamp is not sent again, but dropped and counted',
  async (status) => {
    const { clock, receiver, gateway } = started()
    receiver.respond = ({ times }) => ({ status: times.includes(1_752_000_010_000) ? status : 204 })
    await clock.go(3 * MINUTE)
    expect(receiver.requests.map((request) => request.status)).toEqual([status, 204, 204, 204])
    const { dropped, pending } = gateway.agent.health()
    expect(dropped.refused).toBe(receiver.requests[0]?.series.length)
    expect(pending).toBe(0)
  },
)

test.each([401, 403, 404, 301, 307])(
  'after a response with status %i nothing is sent before the next push, and then not the same request',
  async (status) => {
    const { clock, receiver, gateway } = started()
    receiver.respond = () => ({ status, body: 'no' })
    await clock.go(MINUTE - 1)
    expect(receiver.requests).toHaveLength(1)
    expect(gateway.agent.health().problem).toBe(
      `cannot push to http://receiver/api/v1/write: status ${status}: no; samples are kept and sent later`,
    )
    receiver.respond = () => ({ status: 204 })
    await clock.go(1)
    expect(receiver.requests.map(({ times }) => times.length)).toEqual([1, 2])
    expect(gateway.agent.health()).toMatchObject({ problem: null, pending: 0 })
  },
)
