// The push through links that come and go: back-off, the backlog and its limits, refused batches, and the clock.
import { describe, expect, test } from 'vitest'
import { runningUnit } from '../metrics/scrape-inputs.ts'
import { testClock } from '../rig/clock.ts'
import { pushClock, startGateway } from './gateway.ts'
import { createReceiver } from './receiver.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const FIRST = 1_752_000_010_000

function started(config: Parameters<typeof startGateway>[2] = {}) {
  const clock = pushClock()
  const receiver = createReceiver()
  const gateway = startGateway(receiver.post, clock, config)
  return { clock, receiver, gateway }
}

const DOWN = new Error('host unreachable')
const minutes = (samples: readonly (readonly [number, unknown])[]) => samples.map(([ms]) => (ms - FIRST) / MINUTE)
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

describe('while the link is down', () => {
  test('attempts become rarer, and no push makes one of its own', async () => {
    const { clock, receiver } = started()
    receiver.respond = () => DOWN
    const attempts: number[] = []
    for (let second = 0; second < 600; second++) {
      const before = receiver.requests.length
      await clock.go(1000)
      if (receiver.requests.length > before) attempts.push(second)
    }
    expect(attempts).toEqual([0, 2, 6, 14, 30, 62, 126, 246, 366, 486].map((at) => Math.max(0, at - (at > 0 ? 1 : 0))))
  })

  test('after a success, the first wait is short again', async () => {
    const { clock, receiver } = started()
    receiver.respond = () => DOWN
    await clock.go(10 * MINUTE)
    receiver.respond = () => ({ status: 204 })
    await clock.go(3 * MINUTE)
    receiver.respond = () => DOWN
    await clock.go(MINUTE)
    const { length } = receiver.requests
    await clock.go(2_000)
    expect(receiver.requests.length).toBeGreaterThan(length)
  })

  test('samples are kept, and sent afterwards: all, oldest first, in few requests', async () => {
    const { clock, receiver, gateway } = started()
    await clock.go(0)
    receiver.respond = () => DOWN
    await clock.go(90 * MINUTE)
    expect(gateway.agent.health()).toMatchObject({
      problem: expect.stringContaining('host unreachable'),
      pending: 90 * (receiver.requests[0]?.series.length ?? 0),
    })
    receiver.respond = () => ({ status: 204 })
    await clock.go(3 * MINUTE)
    expect(minutes(receiver.samples('up'))).toEqual(upTo(94))
    const { dropped, pending, problem, note } = gateway.agent.health()
    expect([Object.values(dropped), pending, problem, note]).toEqual([[0, 0, 0, 0, 0], 0, null, null])
    expect(receiver.accepted().length).toBeLessThan(10)
    const times = receiver.accepted().flatMap((request) => request.times)
    expect(times).toEqual([...times].sort((a, b) => a - b))
  })

  test('a changed value is in the backlog from the push on that read it', async () => {
    const { clock, receiver, gateway } = started()
    receiver.respond = () => DOWN
    const counters = (crashes: number) => ({ starts: crashes + 1, stops: 0, crashes, restarts: crashes, lost: 0 })
    for (let minute = 0; minute < 10; minute++) {
      gateway.units = [runningUnit('a.service', { counters: counters(Math.floor(minute / 3)) })]
      await clock.go(MINUTE)
    }
    receiver.respond = () => ({ status: 204 })
    await clock.go(2 * MINUTE)
    const values = receiver.samples('systemd_service_crashes_total').map(([, value]) => value)
    expect(values).toEqual([0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
  })

  test('what is older than the backlog is dropped and counted, and the rest is sent', async () => {
    const { clock, receiver, gateway } = started({ backlog: 600, match: ['up'] })
    receiver.respond = () => DOWN
    await clock.go(30 * MINUTE)
    expect(gateway.agent.health().dropped).toMatchObject({ expired: 20, overflow: 0 })
    expect(gateway.agent.health().note).toBe('dropped 20 samples: they waited longer than remote_write.backlog')
    expect(gateway.log.filter((line) => line.includes('dropping'))).toEqual([
      'warning: remote_write: dropping samples: they waited longer than remote_write.backlog',
    ])
    receiver.respond = () => ({ status: 204 })
    await clock.go(2 * MINUTE)
    const received = minutes(receiver.samples('up'))
    expect(received).toEqual(upTo(33).slice(-received.length))
    expect(received.length + gateway.agent.health().dropped.expired).toBe(33)
  })

  test('the backlog takes at most 1 MiB, whatever is pushed: the oldest samples are dropped and counted', async () => {
    const { clock, receiver, gateway } = started({
      interval: 1,
      backlog: 86_400,
      match: ['systemd_service_starts_total'],
    })
    receiver.respond = () => DOWN
    await clock.go(0)
    for (let second = 1; second <= 320; second++) {
      const counters = { starts: second, stops: 0, crashes: second - 1, restarts: 0, lost: 0 }
      gateway.units = Array.from({ length: 250 }, (_, i) => runningUnit(`unit-${i}.service`, { counters }))
      await clock.go(1000)
    }
    const { dropped, pending } = gateway.agent.health()
    expect(dropped.overflow).toBeGreaterThan(0)
    receiver.respond = () => ({ status: 204 })
    gateway.agent.reconfigured()
    await clock.go(0)
    expect(gateway.agent.health()).toMatchObject({ sent: pending, pending: 0 })
    const starts = receiver.samples('systemd_service_starts_total', { service: 'unit-199.service' })
    // Each sample has the value of its own time, although those before it were dropped.
    for (const [ms, value] of starts) expect(value).toBe((ms - FIRST) / 1000)
    expect(starts.length).toBeGreaterThan(200)
    expect(starts[0]?.[1]).toBeGreaterThan(10)
    for (const { bytes } of receiver.requests) expect(bytes).toBeLessThan(1024 * 1024)
  })

  test('the log has one line for its begin, one for each other reason, and one for its end', async () => {
    const { clock, receiver, gateway } = started()
    await clock.go(0)
    receiver.respond = () => DOWN
    await clock.go(10 * MINUTE)
    receiver.respond = () => ({ status: 503, body: 'over capacity\nmore' })
    await clock.go(10 * MINUTE)
    receiver.respond = () => ({ status: 204 })
    await clock.go(3 * MINUTE)
    expect(gateway.log).toEqual([
      'info: remote_write: pushing to http://receiver/api/v1/write',
      'warning: remote_write: cannot push to http://receiver/api/v1/write: host unreachable; samples are kept and sent later',
      'warning: remote_write: cannot push to http://receiver/api/v1/write: status 503: over capacity; samples are kept and sent later',
      expect.stringMatching(/^info: remote_write: pushing again after 1[12]\d\d s$/),
    ])
  })
})

test('a lost response: the same bytes are sent again, and no series has two values for one time', async () => {
  const { clock, receiver, gateway } = started()
  // The receiver stores the samples, and its response does not arrive.
  receiver.respond = () => DOWN
  await clock.go(0)
  gateway.units = [runningUnit('a.service', { counters: { starts: 9, stops: 0, crashes: 8, restarts: 8, lost: 0 } })]
  await clock.go(5_000)
  receiver.respond = () => ({ status: 204 })
  await clock.go(2 * MINUTE)
  expect(new Set(receiver.requests.slice(0, 3).map(({ body }) => body)).size).toBe(1)
  const seen = new Map<string, string>()
  for (const { series } of receiver.requests)
    for (const { labels, samples } of series)
      for (const { ms, bits } of samples) {
        const key = JSON.stringify([labels, ms])
        expect(seen.get(key) ?? bits).toBe(bits)
        seen.set(key, bits)
      }
})

test.each([
  ['seconds', '300', 300],
  ['a date', new Date(FIRST + 300_000).toUTCString(), 290],
])('after 429, the next attempt is made after Retry-After, given as %s', async (_how, retryAfter, atLeast) => {
  const { clock, receiver } = started()
  receiver.respond = () => ({ status: 429, retryAfter })
  await clock.go(atLeast * 1000 - 1)
  expect(receiver.requests).toHaveLength(1)
  await clock.go(11_000)
  expect(receiver.requests.length).toBeGreaterThan(1)
})

test('a Retry-After counts for at most an hour', async () => {
  const { clock, receiver } = started()
  receiver.respond = () => ({ status: 503, retryAfter: '999999999' })
  await clock.go(0)
  receiver.respond = () => ({ status: 204 })
  await clock.go(HOUR)
  expect(receiver.accepted().length).toBeGreaterThan(0)
})

test.each(['soon', '-5', '1e99', ''])('a wrong Retry-After (%j) does not stop the push', async (retryAfter) => {
  const { clock, receiver } = started()
  receiver.respond = () => ({ status: 503, retryAfter })
  await clock.go(0)
  receiver.respond = () => ({ status: 204 })
  await clock.go(3 * MINUTE)
  expect(minutes(receiver.samples('up'))).toEqual([0, 1, 2, 3])
})

describe('a receiver that refuses old samples, and with them the whole request', () => {
  const refuseBefore =
    (ms: number) =>
    ({ times }: { readonly times: readonly number[] }) =>
      (times[0] ?? 0) < ms ? { status: 400, body: 'out of bounds\n' } : { status: 204 }

  test('gets the others: the batch is split by time, and only what is still refused is dropped', async () => {
    const { clock, receiver, gateway } = started()
    receiver.respond = () => DOWN
    await clock.go(90 * MINUTE)
    receiver.respond = refuseBefore(FIRST + 30 * MINUTE)
    await clock.go(3 * MINUTE)
    expect(minutes(receiver.samples('up'))).toEqual(upTo(94).slice(30))
    const perPush = receiver.requests.at(-1)?.series.length ?? 0
    const { dropped, pending, problem, note } = gateway.agent.health()
    expect([dropped.too_old, dropped.refused, pending, problem]).toEqual([30 * perPush, 0, 0, null])
    expect(note).toBe(`dropped ${30 * perPush} samples: the receiver does not accept samples that old`)
    expect(gateway.log.filter((line) => line.includes('dropping'))).toEqual([
      'warning: remote_write: dropping samples: the receiver does not accept samples that old (status 400: out of bounds)',
    ])
    // No request is repeated after a 400.
    const refused = receiver.requests.filter(({ status }) => status === 400).map(({ body }) => body)
    expect(new Set(refused).size).toBe(refused.length)
    expect(refused.length).toBeLessThan(30 + 10)
    // After the split, batches are as large as before.
    expect(receiver.accepted().length).toBeLessThan(20)
  })

  test('and everything else, too, is shown as a problem until it accepts something', async () => {
    const { clock, receiver, gateway } = started()
    receiver.respond = () => ({ status: 400, body: 'no tenant' })
    await clock.go(10 * MINUTE)
    expect(gateway.agent.health()).toMatchObject({
      problem: 'http://receiver/api/v1/write refuses samples (status 400: no tenant); they are dropped',
      pending: 0,
    })
    expect(gateway.log).toHaveLength(1)
    receiver.respond = () => ({ status: 204 })
    await clock.go(MINUTE)
    expect(gateway.agent.health().problem).toBe(null)
  })
})

test('more series than fit into one request are sent in several; each series has a sample for each push', async () => {
  const { clock, receiver, gateway } = started()
  gateway.units = Array.from({ length: 500 }, (_, i) => runningUnit(`unit-with-a-long-name-${i}.service`))
  await clock.go(0)
  receiver.respond = () => DOWN
  await clock.go(2 * MINUTE)
  receiver.respond = () => ({ status: 204 })
  await clock.go(3 * MINUTE)
  expect(receiver.accepted().length).toBeGreaterThan(10)
  for (const i of [0, 250, 499]) {
    const service = `unit-with-a-long-name-${i}.service`
    expect(minutes(receiver.samples('systemd_service_state', { service }))).toEqual(upTo(6))
  }
  expect(gateway.agent.health().pending).toBe(0)
})

describe('the clock', () => {
  test('is known to be wrong: nothing is pushed; then all samples have the times at which they were read', async () => {
    const clock = pushClock({ wallOffsetMs: 0 })
    const receiver = createReceiver()
    const gateway = startGateway(receiver.post, clock)
    gateway.clockIsWrong = true
    await clock.go(10 * MINUTE)
    expect(receiver.requests).toEqual([])
    expect(gateway.agent.health().problem).toContain('the clock is not synchronised')
    clock.setWall(1_752_000_000_000)
    gateway.clockIsWrong = false
    await clock.go(MINUTE)
    expect(minutes(receiver.samples('up'))).toEqual(upTo(12))
    expect(gateway.agent.health().problem).toBe(null)
  })

  test('is set while samples wait: they follow it, except those that were sent already', async () => {
    const { clock, receiver } = started()
    receiver.respond = () => DOWN
    await clock.go(2 * MINUTE + 1)
    clock.setWall(1_752_000_000_000 + 5_000)
    receiver.respond = () => ({ status: 204 })
    await clock.go(3 * MINUTE)
    expect(receiver.samples('up').map(([ms]) => (ms - FIRST) / 1000)).toEqual([0, 65, 125, 185, 245, 305])
  })

  test('is set back over times that were sent: no series gets a second value for one of them', async () => {
    const { clock, receiver, gateway } = started({ match: ['up'] })
    await clock.go(5 * MINUTE)
    clock.setWall(1_752_000_000_000 - 3 * MINUTE)
    await clock.go(6 * MINUTE)
    const times = receiver.samples('up').map(([ms]) => ms)
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b))
    expect(gateway.agent.health().dropped.clock).toBe(3)
    expect(minutes(receiver.samples('up'))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
  })
})

describe('a stop', () => {
  test('sends the waiting samples and the staleness mark, although a wait for the next attempt is in progress', async () => {
    const { clock, receiver, gateway } = started()
    receiver.respond = () => DOWN
    await clock.go(10 * MINUTE + 1)
    receiver.respond = () => ({ status: 204 })
    await gateway.agent.stop()
    expect(receiver.samples('up').map(([, value]) => value)).toEqual([...Array(11).fill(1), null])
  })

  test('takes at most two seconds if the receiver does not respond', async () => {
    const clock = testClock()
    const aborted: boolean[] = []
    const gateway = startGateway((_body, signal) => {
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          aborted.push(true)
          reject(new Error('aborted'))
        })
      })
    }, clock)
    await clock.go(0)
    let stopped = false
    void gateway.agent.stop().then(() => {
      stopped = true
    })
    await clock.go(1_999)
    expect(stopped).toBe(false)
    await clock.go(1)
    expect([stopped, aborted]).toEqual([true, [true]])
    await clock.go(HOUR)
    expect(aborted).toHaveLength(1)
  })
})

describe('a changed configuration', () => {
  test('ends the wait for the next attempt and keeps the backlog', async () => {
    const { clock, receiver, gateway } = started()
    receiver.respond = () => DOWN
    await clock.go(10 * MINUTE + 10_000)
    receiver.respond = () => ({ status: 204 })
    gateway.agent.reconfigured()
    await clock.go(0)
    expect(minutes(receiver.samples('up'))).toEqual(upTo(11))
  })

  test('with other labels ends the series of before, and with another interval pushes at that', async () => {
    const { clock, receiver, gateway } = started({ match: ['up'] })
    await clock.go(1_000)
    gateway.config = { ...gateway.config, labels: { gateway: 'hall-3' }, interval: 10 }
    gateway.agent.reconfigured()
    await clock.go(20_000)
    expect(receiver.samples('up', { gateway: 'gw-7' }).map(([, value]) => value)).toEqual([1, null])
    expect(receiver.samples('up', { gateway: 'hall-3' }).map(([, value]) => value)).toEqual([1, 1, 1])
  })

  test('with an invalid selector is shown, and nothing is pushed until it is corrected', async () => {
    const { clock, receiver, gateway } = started({ match: ['up{a=}'] })
    await clock.go(2 * MINUTE)
    expect(receiver.requests).toEqual([])
    expect(gateway.agent.health().problem).toMatch(/^nothing is pushed: "up\{a=\}": character 6: expected a string/)
    expect(gateway.log).toHaveLength(1)
    gateway.config = { ...gateway.config, match: ['up'] }
    gateway.agent.reconfigured()
    await clock.go(MINUTE)
    expect(gateway.agent.health().problem).toBe(null)
  })
})
