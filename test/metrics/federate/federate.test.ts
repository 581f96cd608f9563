// Requests to /federate at the same time: they take turns, a few wait, and the others are refused.
import { expect, test } from 'vitest'
import { FAMILIES } from '../../../src/metrics/families/all.ts'
import { createFederation } from '../../../src/metrics/federate/federate.ts'
import { testClock } from '../../rig/clock.ts'
import { runningUnit, scrapeInput } from '../scrape-inputs.ts'

const input = scrapeInput([runningUnit('a.service')])
const BUSY = { retryAfterSeconds: 5 }
const REGULAR = ['{__name__=~"systemd_service_state"}']
const PLAIN = ['systemd_service_state']
const [A, B, C] = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
const RESPONSE = '# TYPE systemd_service_state untyped\nsystemd_service_state{service="a.service"} 1'

/** A federation in which each request waits for `release` before it is served. */
function blocked() {
  const clock = testClock()
  const releases: (() => void)[] = []
  const { federate } = createFederation(
    FAMILIES,
    () => new Promise((resolve) => releases.push(() => resolve(input))),
    clock,
  )
  const release = async () => {
    await expect.poll(() => releases.length).toBeGreaterThan(0)
    releases.shift()?.()
  }
  return { clock, federate, releases, release }
}

test('one request is served at a time, eight wait for their turn, and the ninth is refused', async () => {
  const { federate, release, releases } = blocked()
  const nine = Array.from({ length: 9 }, () => federate(REGULAR, A))
  expect(await federate(REGULAR, A)).toEqual(BUSY)
  for (const one of nine) {
    await release()
    expect(releases).toHaveLength(0)
    expect(await one).toContain(RESPONSE)
  }
})

test('peers take turns, and one that has few requests displaces the newest of the one that has the most', async () => {
  const { federate, release } = blocked()
  const ended: string[] = []
  const request = async (name: string, peer: string) => {
    const result = await federate(REGULAR, peer)
    ended.push(typeof result === 'string' ? name : `${name} refused`)
  }
  const many = ['A1', 'A2', 'A3', 'A4', 'A5', 'A6', 'A7', 'A8', 'A9'].map((name) => request(name, A))
  const others = [request('B1', B), request('C1', C), request('B2', B)]
  await expect.poll(() => ended).toEqual(['A9 refused', 'A8 refused', 'A7 refused'])
  for (const order of ['A1', 'B1', 'C1', 'A2', 'B2', 'A3', 'A4', 'A5', 'A6']) {
    await release()
    await expect.poll(() => ended.at(-1)).toBe(order)
  }
  await Promise.all([...many, ...others])
})

test('a request that has waited for five seconds is refused', async () => {
  const { clock, federate, release, releases } = blocked()
  const first = federate(REGULAR, A)
  const second = federate(REGULAR, A)
  await expect.poll(() => releases.length).toBe(1)
  clock.advance(4_999)
  const third = federate(REGULAR, A)
  clock.advance(1)
  expect(await second).toEqual(BUSY)
  await release()
  expect(await first).toContain(RESPONSE)
  await release()
  expect(await third).toContain(RESPONSE)
})

test('a request without regular expressions does not wait for those with', async () => {
  const { federate, release, releases } = blocked()
  const regular = federate(REGULAR, A)
  await expect.poll(() => releases.length).toBe(1)
  const plain = federate(PLAIN, A)
  await expect.poll(() => releases.length).toBe(2)
  await release()
  await release()
  expect(await Promise.all([regular, plain])).toEqual([await plain, expect.stringContaining(RESPONSE)])
})

test('a request that fails gives its turn to the next one', async () => {
  let reads = 0
  const read = async () => {
    reads += 1
    if (reads === 1) throw new Error('no facts')
    return input
  }
  const { federate } = createFederation(FAMILIES, read, testClock())
  const [first, second] = await Promise.allSettled([federate(PLAIN, A), federate(PLAIN, A)])
  expect([first?.status, second?.status]).toEqual(['rejected', 'fulfilled'])
})

test.each([
  ['more than 100 selectors', Array.from({ length: 101 }, () => 'up'), '101 selectors are too many'],
  ['the attack of 250 selectors', Array.from({ length: 99 }, () => '{a!~`\\pL{1000}0`}'), 'is too large'],
])('%s are refused before anything is read', async (_, matches, problem) => {
  const { federate, releases } = blocked()
  expect(await federate(matches, A)).toEqual({ problem: expect.stringContaining(problem) })
  expect(releases).toHaveLength(0)
})

test('a request that takes too long is given up, and is not called invalid', async () => {
  const slow = scrapeInput([runningUnit(`${'a'.repeat(240)}.service`)])
  const { federate } = createFederation(FAMILIES, async () => slow, testClock(), 1)
  expect(await federate(['{service=~"(a?){300}b"}'], A)).toEqual({ gaveUp: 'took longer than 0.001 s' })
})
