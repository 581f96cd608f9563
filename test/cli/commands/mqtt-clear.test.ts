// gatewatch mqtt-clear: what it clears and what it leaves alone, with a running agent or a state file.
import { expect, test } from 'vitest'
import { clientOf } from '../../../src/cli/agent-client.ts'
import { mqttClear } from '../../../src/cli/commands/mqtt-clear.ts'
import type { OfflineState } from '../../../src/cli/console.ts'
import type { PublishedNames, TopicNames } from '../../../src/core/topic-names.ts'
import { fakeAgent, fakeStateFile, json, noAgent, recordingConsole } from '../fake-agent.ts'
import { IDENTITY, STORED } from '../samples.ts'

const PREFIXES = { prefix: 'gatewatch', discoveryPrefix: 'homeassistant' }
const names = (gatewayId: string): TopicNames => ({ ...PREFIXES, gatewayId })
const as = (status: PublishedNames['status'], gatewayId: string): PublishedNames => ({ ...names(gatewayId), status })
const PUBLISHED = [as('refused', 'gw-5'), as('former', 'gw-6'), as('current', 'gw-7')]
const NOTHING = { all: false, dryRun: false, named: false }

interface Outcome {
  readonly kept?: Readonly<Record<string, string>>
  readonly others?: readonly string[]
}

/** A broker that has one message of each gateway id, with another outcome for some. */
function fakeBroker(outcomes: Readonly<Record<string, Outcome>> = {}) {
  const orders: unknown[] = []
  const connect = async () => ({
    shown: 'mqtt://broker:1883',
    async clear({
      names: { gatewayId },
      inUse,
      us,
      dryRun,
    }: {
      names: TopicNames
      inUse: unknown
      us: unknown
      dryRun: boolean
    }) {
      orders.push({ gatewayId, inUse, us, dryRun })
      const { kept = {}, others = [] } = outcomes[gatewayId] ?? {}
      return { ours: [`gatewatch/${gatewayId}/agent`], kept: new Map(Object.entries(kept)), others, other: null }
    },
    close: async () => void orders.push('close'),
  })
  return { orders, connect }
}

function setUp(
  stored: OfflineState = { ...STORED, published: PUBLISHED },
  outcomes: Readonly<Record<string, Outcome>> = {},
) {
  const stateFile = fakeStateFile(stored)
  const broker = fakeBroker(outcomes)
  const out = recordingConsole({ columns: null })
  const context = { prefixes: PREFIXES, machineId: IDENTITY.machineId, connect: broker.connect }
  const run = (request: Partial<typeof NOTHING>, client = noAgent) =>
    mqttClear({ ...NOTHING, ...request }, { ...context, sources: { client, stateFile } }, out)
  return { run, out, orders: broker.orders, done: stateFile.done, path: stateFile.path }
}

test('clears the former names, and removes them from the state file', async () => {
  const { run, out, orders, done, path } = setUp()
  expect(await run({})).toBe(0)
  const { machineId, stream } = IDENTITY
  const order = { inUse: [as('current', 'gw-7')], us: expect.objectContaining({ machineId, stream }), dryRun: false }
  expect(orders).toEqual([{ gatewayId: 'gw-5', ...order }, { gatewayId: 'gw-6', ...order }, 'close'])
  expect(done).toEqual([['published', path, [as('current', 'gw-7')]]])
  expect(out.out()).toBe(`\
TOPIC                 RESULT
gatewatch/gw-5/agent  cleared
gatewatch/gw-6/agent  cleared
`)
  expect(out.err()).toBe(
    'gatewatch: cleared 2 retained messages of gatewatch/gw-5, gatewatch/gw-6 at mqtt://broker:1883\n',
  )
})

test('with --all also the present names, recorded or configured, and then nothing is in use', async () => {
  const { run, orders, done, path } = setUp()
  expect(await run({ all: true })).toBe(0)
  expect(orders.map((order) => (order as { gatewayId?: string }).gatewayId)).toEqual([
    'gw-5',
    'gw-6',
    'gw-7',
    undefined,
  ])
  expect(orders[0]).toMatchObject({ inUse: [] })
  expect(done).toEqual([['published', path, []]])
  const older = setUp(STORED)
  expect(await older.run({ all: true })).toBe(0)
  expect(older.orders[0]).toMatchObject({ gatewayId: 'gw-7' })
})

test('--dry-run changes nothing; it is not a failure if there are no former names', async () => {
  const { run, out, orders, done } = setUp()
  expect(await run({ dryRun: true })).toBe(0)
  expect(orders[0]).toMatchObject({ dryRun: true })
  expect(out.out()).toContain('gatewatch/gw-6/agent  would be cleared\n')
  expect(done).toEqual([])
  const none = setUp({ ...STORED, published: [as('current', 'gw-7')] })
  expect(await none.run({})).toBe(0)
  expect([none.orders, none.done, none.out.out()]).toEqual([[], [], ''])
  expect(none.out.err()).toContain('no former names are known, nothing was cleared')
})

test('what the broker keeps, or others have published, is shown; the names stay in the state file if it was kept', async () => {
  const outcomes = {
    'gw-5': { kept: { 'gatewatch/gw-5/agent': 'refused: Not authorized' } },
    'gw-6': { others: ['x'] },
  }
  const { run, out, done, path } = setUp(undefined, outcomes)
  expect(await run({})).toBe(1)
  expect(out.out()).toContain('gatewatch/gw-5/agent  refused: Not authorized\n')
  expect(out.out()).toContain(
    'x                     left alone: not of this gateway (it is not known who published it)\n',
  )
  expect(done).toEqual([['published', path, [as('refused', 'gw-5'), as('current', 'gw-7')]]])
})

test('while the agent runs, its identity counts, the state file is not written, and --all is refused', async () => {
  const status = { machine_id: 'b'.repeat(32), stream: 'c'.repeat(16) }
  await using agent = await fakeAgent((_, response) => json(response, status))
  const { run, orders, done } = setUp()
  expect(await run({}, clientOf(agent.socket))).toBe(0)
  expect(orders[0]).toMatchObject({ us: { machineId: status.machine_id, stream: status.stream } })
  expect(done).toEqual([])
  await expect(run({ all: true }, clientOf(agent.socket))).rejects.toThrow('stop it before --all')
})

test('--gateway-id names a former id, not the present one', async () => {
  const named = (gatewayId: string) => ({ ...STORED, published: PUBLISHED, identity: { ...IDENTITY, gatewayId } })
  const { run, orders } = setUp(named('gw-1'))
  expect(await run({ named: true })).toBe(0)
  expect(orders).toMatchObject([{ gatewayId: 'gw-1', inUse: [{ gatewayId: 'gw-7' }] }, 'close'])
  const present = setUp(named('gw-7'))
  await expect(present.run({ named: true })).rejects.toThrow('gw-7 is the present gateway id; only --all clears it')
  expect(await present.run({ named: true, all: true })).toBe(0)
})

test('a state file of another machine, copied here, clears nothing of that machine', async () => {
  const state = { ...STORED.state, machineId: 'd'.repeat(32) }
  const { run, orders, done } = setUp({ ...STORED, published: PUBLISHED, state })
  await expect(run({ all: true })).rejects.toThrow(`came from another machine (${state.machineId})`)
  expect([orders, done]).toEqual([[], []])
})
