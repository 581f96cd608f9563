// Our own availability: what another client publishes there is corrected, once, and what is stored over 3.1.1 is not news.
import { expect, it } from 'vitest'
import type { Connection } from '../../src/mqtt/connection/connection.ts'
import { createOwnAvailability } from '../../src/mqtt/own-availability.ts'
import { topicsOf } from '../../src/mqtt/topics.ts'
import { testClock } from '../rig/clock.ts'

const topics = topicsOf('gatewatch', 'gw-7')

function connected(version: 4 | 5) {
  const clock = testClock()
  const published: number[] = []
  const own = createOwnAvailability(topics, () => published.push(clock.now().monoMs), clock)
  own.up({ version, subscribe: () => {} } as unknown as Connection)
  const receive = (payload: string, retained: boolean) => own.message(topics.availability, payload, retained)
  return { clock, published, own, receive }
}

it('is published again, once, after others have overwritten or cleared it', async () => {
  const { clock, published, receive } = connected(5)
  expect(receive('online', true)).toBe(true)
  await clock.go(10_000)
  expect(published).toHaveLength(0)
  receive('offline', true) // a Will keeps its retain flag
  receive('', false)
  await clock.go(10_000)
  expect(published).toHaveLength(1)
  receive('offline', false)
  await clock.go(10_000)
  expect(published).toHaveLength(2)
})

it('is not published again for the stored message, for other topics, or after the connection', async () => {
  const { clock, published, own, receive } = connected(4)
  receive('offline', true)
  expect(own.message(topics.agent, '', false)).toBe(false)
  await clock.go(10_000)
  expect(published).toHaveLength(0)
  receive('offline', false)
  own.down()
  await clock.go(10_000)
  expect(published).toHaveLength(0)
})
