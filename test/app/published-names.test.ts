// The names under which messages are retained: what is stored when they change, and that nothing is stored otherwise.
import { expect, test } from 'vitest'
import { createPublishedNames, withCurrent } from '../../src/app/published-names.ts'
import type { PublishedNames, TopicNames } from '../../src/core/topic-names.ts'
import { testClock } from '../rig/clock.ts'

const names = (gatewayId: string, prefix = 'gatewatch'): TopicNames => ({
  prefix,
  gatewayId,
  discoveryPrefix: 'homeassistant',
})
const [GW6, GW7, GW8] = [names('gw-6'), names('gw-7'), names('gw-8')]
const as = (status: PublishedNames['status'], one: TopicNames): PublishedNames => ({ ...one, status })

function listOn(stored: readonly PublishedNames[] = []) {
  const lines: string[] = []
  const written: (readonly PublishedNames[])[] = []
  const store = {
    published: () => written.at(-1) ?? stored,
    publishAs: async (list: readonly PublishedNames[]) => written.push(list) > 0,
  }
  return { list: createPublishedNames(store, testClock(), (_, message) => void lines.push(message)), written, lines }
}

test('names are stored when they are new, and former ones stay until they are settled', async () => {
  const { list, written } = listOn()
  expect(await list.use(GW6)).toEqual([])
  expect(written).toEqual([[as('current', GW6)]])
  expect(await list.use(GW6)).toEqual([])
  expect(written).toHaveLength(1)
  expect(await list.use(GW7)).toEqual([as('former', GW6)])
  expect(await list.use(GW8)).toEqual([as('former', GW6), as('former', GW7)])
  list.settled(GW6, 'refused')
  list.settled(GW7, 'done')
  expect(written.at(-1)).toEqual([as('refused', GW6), as('current', GW8)])
  const writes = written.length
  expect(await list.use(GW8)).toEqual([]) // the agent does not try again what the broker refused
  expect(written).toHaveLength(writes)
})

test('names that are in use again are no longer former ones', async () => {
  const { list, written } = listOn([as('former', GW6), as('refused', GW8), as('current', GW7)])
  expect(await list.use(GW8)).toEqual([as('former', GW6), as('former', GW7)])
  expect(written).toEqual([[as('former', GW6), as('former', GW7), as('current', GW8)]])
})

test('the list is limited, because each page of the state file contains it: the oldest names are dropped, with a warning', async () => {
  const long = (i: number) => names(`gw-${i}`, 'p'.repeat(128))
  const former = Array.from({ length: 10 }, (_, i) => as('former', long(i)))
  const { list, dropped } = withCurrent(former, GW7)
  expect(list.at(-1)).toEqual(as('current', GW7))
  expect([...dropped, ...list.slice(0, -1)]).toEqual(former)
  expect(dropped).toHaveLength(4)
  const { list: limited, lines } = listOn(former)
  await limited.use(GW7)
  expect(lines).toHaveLength(4)
  expect(lines[0]).toMatch(/^mqtt: too many former names; what is retained under p+\/gw-0 will not be cleared$/)
  const longest = { prefix: 'ß'.repeat(128), gatewayId: 'g'.repeat(128), discoveryPrefix: 'ß'.repeat(128) }
  expect(withCurrent([as('former', longest)], { ...longest, gatewayId: 'x' }).list).toHaveLength(1)
})
