// Which of the retained messages that were found are ours, and in which order they are cleared.
import { expect, test } from 'vitest'
import { clearRetained } from '../../../src/mqtt/retained/clearance.ts'
import { ownershipOf, retainedTopics } from '../../../src/mqtt/retained/topics.ts'
import { IDENTITY } from '../gateway.ts'

const NAMES = { prefix: 'gatewatch', gatewayId: 'gw-7', discoveryPrefix: 'homeassistant' }
const TOPICS = retainedTopics(NAMES)
const STATUS = JSON.stringify({ machine_id: IDENTITY.machineId, stream: IDENTITY.stream })
const service = (end: string) => `te/device/main/service/${end}`

test('services of thin-edge.io are ours if their health shows our stream, and others are left out', () => {
  const found = new Map([
    [TOPICS.status, STATUS],
    [service('a'), ''],
    [service('a/status/health'), JSON.stringify({ status: 'up', gatewatch: IDENTITY.stream })],
    [service('a/a/flapping'), ''],
    [service('tedge-agent'), ''],
    [service('tedge-agent/status/health'), JSON.stringify({ status: 'up', pid: 7 })],
    [service('b/status/health'), JSON.stringify({ status: 'up', gatewatch: 'ffffffffffffffff' })],
    [service('c'), ''],
    ['gatewatch/gw-7/unit/a.service/state', ''],
  ])
  const { ours, others } = ownershipOf(TOPICS, found, IDENTITY)
  expect(others).toEqual([])
  expect(ours.slice(-4)).toEqual([...['a/a/flapping', 'a/status/health', 'a'].map(service), TOPICS.status])
  expect(ours).toHaveLength(5)
})

test('a broker that does not let us read them has no services of ours', async () => {
  const access = {
    read: async (filters: readonly string[]) => ({
      found: new Map(),
      denied: filters.filter((filter) => !filter.startsWith('gatewatch/gw-7/unit')),
      complete: true,
    }),
    clear: async () => new Map(),
    ...{ close() {}, message: () => false, next: () => null },
  }
  const { kept } = (await clearRetained(access, { names: NAMES, inUse: [], us: IDENTITY, dryRun: true })) ?? {}
  expect([...(kept?.keys() ?? [])].filter((filter) => filter.startsWith('te/'))).toEqual([])
  expect(kept?.get('gatewatch/gw-7/agent')).toBe('cannot be read: subscription denied')
})
