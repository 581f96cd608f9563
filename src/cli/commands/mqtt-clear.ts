// gatewatch mqtt-clear: clears what this gateway has retained at the broker under former names, or under all of them.
import pc from 'picocolors'
import { otherMachine } from '../../core/recount.ts'
import { type PublishedNames, sameTopicNames, type TopicNames } from '../../core/topic-names.ts'
import { plural } from '../../core/views/format.ts'
import { ifRunning } from '../agent-or-file.ts'
import type { Console, ExitCode, OfflineState, Sources } from '../console.ts'
import { type Cell, type Column, table } from '../table.ts'

export interface MqttClearRequest {
  /** The present names, too. */
  readonly all: boolean
  readonly dryRun: boolean
  /** `--gateway-id` names a former gateway id; the identity of the state file then has it. */
  readonly named: boolean
}

interface ClearingContext {
  readonly sources: Sources
  /** As configured. */
  readonly prefixes: Omit<TopicNames, 'gatewayId'>
  /** Derived and persistent; null if unknown. */
  readonly machineId: string | null
  /** Connects to the configured broker; rejects with a message for a person. */
  readonly connect: () => Promise<Broker>
}

interface Broker {
  /** Its URL without a password. */
  readonly shown: string
  clear(order: ClearingOrder): Promise<ClearedMessages>
  close(): Promise<void>
}

interface ClearingOrder {
  readonly names: TopicNames
  readonly inUse: readonly TopicNames[]
  readonly us: { readonly machineId: string; readonly stream: string }
  readonly dryRun: boolean
}

interface ClearedMessages {
  /** The topics that are ours. */
  readonly ours: readonly string[]
  /** Topics that the broker kept or does not let us read, and why. */
  readonly kept: ReadonlyMap<string, string>
  readonly others: readonly string[]
  /** Who published the others; null if that is unknown. */
  readonly other: { readonly machineId?: string } | null
}

/** Part of the response to /api/v1/status. */
interface RunningAgent {
  readonly machine_id: string
  readonly stream: string
}

export async function mqttClear(request: MqttClearRequest, context: ClearingContext, out: Console): Promise<ExitCode> {
  const { client, stateFile } = context.sources
  const { path } = stateFile
  const running = (await ifRunning(client.get('/api/v1/status'))) as RunningAgent | null
  const stored = await stateFile.read(path)
  if (stored === null)
    throw new Error(`there is no state file ${path}, so it is not known what to clear; use -p for another state file`)
  if (running !== null && request.all)
    throw new Error("the agent is running and uses the present names; stop it before --all: 'systemctl stop gatewatch'")
  const former = running === null ? otherMachine(stored.state, context.machineId) : null
  if (former !== null)
    throw new Error(
      `the state file ${path} came from another machine (${former}), which may still use its topics; nothing was cleared`,
    )
  const { targets, inUse } = planOf(request, context.prefixes, stored)
  const [first] = targets
  if (first === undefined) {
    out.stderr(`gatewatch: no former names are known, nothing was cleared; ${SEE_OPTIONS}\n`)
    return 0
  }
  const us = running === null ? stored.identity : { machineId: running.machine_id, stream: running.stream }
  let code: ExitCode = 0
  const clear = async (published: readonly PublishedNames[]) => {
    const results = await clearAll(targets, { inUse, us, dryRun: request.dryRun }, context.connect, out)
    code = results.every(({ kept, others }) => kept.size === 0 && others.length === 0) ? 0 : 1
    const done = targets.filter((_, i) => results[i]?.kept.size === 0)
    return published.filter((one) => !done.some((names) => sameTopicNames(one, names)))
  }
  if (running !== null || request.dryRun) await clear([])
  else await stateFile.editPublished(path, clear)
  return code
}

const SEE_OPTIONS =
  '--gateway-id names a former gateway id, --all clears the present names (while the agent is stopped)'

/** What to clear, and what to leave alone because it is in use. */
function planOf(
  { all, named }: MqttClearRequest,
  prefixes: ClearingContext['prefixes'],
  { published, identity, state }: OfflineState,
): { readonly targets: readonly TopicNames[]; readonly inUse: readonly TopicNames[] } {
  const configured = { ...prefixes, gatewayId: identity.gatewayId }
  const recorded = published.filter(({ status }) => status === 'current')
  const present = recorded.length > 0 ? recorded : [{ ...prefixes, gatewayId: state.gatewayId ?? identity.gatewayId }]
  const inUse = all ? [] : present
  if (!named) {
    const former = published.filter(({ status }) => status !== 'current')
    const more = all ? [...present, configured] : []
    return {
      targets: [...former, ...more].filter((one, i, list) => list.findIndex((o) => sameTopicNames(o, one)) === i),
      inUse,
    }
  }
  if (inUse.some((one) => sameTopicNames(one, configured)))
    throw new Error(
      `${configured.gatewayId} is the present gateway id; only --all clears it, while the agent is stopped`,
    )
  return { targets: [configured], inUse }
}

/** The results, one for each of `targets`, after they have been shown. */
async function clearAll(
  targets: readonly TopicNames[],
  order: Omit<ClearingOrder, 'names'>,
  connect: ClearingContext['connect'],
  out: Console,
): Promise<readonly ClearedMessages[]> {
  const broker = await connect()
  const results: ClearedMessages[] = []
  try {
    for (const names of targets) results.push(await broker.clear({ ...order, names }))
  } finally {
    await broker.close()
    const rows = results.flatMap((result) => rowsOf(result, order.dryRun, out))
    if (rows.length > 0) out.stdout(`${table(COLUMNS, rows, out.columns || null).join('\n')}\n`)
  }
  const cleared = results.flatMap(({ ours, kept }) => ours.filter((topic) => !kept.has(topic))).length
  const under = targets.map(({ prefix, gatewayId }) => `${prefix}/${gatewayId}`).join(', ')
  const what = `${plural(cleared, 'retained message')} of ${under} at ${broker.shown}`
  out.stderr(`gatewatch: ${order.dryRun ? 'would clear' : 'cleared'} ${what}\n`)
  return results
}

const COLUMNS: readonly Column[] = [{ title: 'TOPIC', minWidth: 20 }, { title: 'RESULT' }]

function rowsOf({ ours, kept, others, other }: ClearedMessages, dryRun: boolean, out: Console): Cell[][] {
  const paint = pc.createColors(out.color)
  const owner = other?.machineId === undefined ? 'it is not known who published it' : `machine_id ${other.machineId}`
  const cleared = ours.filter((topic) => !kept.has(topic))
  return [
    ...cleared.sort().map((topic) => [{ text: topic }, { text: dryRun ? 'would be cleared' : 'cleared' }]),
    ...[...kept].map(([topic, why]) => [{ text: topic }, { text: why, paint: paint.red }]),
    ...others.map((topic) => [
      { text: topic },
      { text: `left alone: not of this gateway (${owner})`, paint: paint.dim },
    ]),
  ]
}
