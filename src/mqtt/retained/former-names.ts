// Clears, once per start, what is retained under former names: the gateway id or a prefix was changed.

import type { TopicNames } from '../../core/topic-names.ts'
import { plural } from '../../core/views/format.ts'
import type { Clock, Log } from '../../ports.ts'
import type { Connection } from '../connection/connection.ts'
import type { Outgoing } from '../delivery/publisher.ts'
import type { TopicHandler } from '../topic-handler.ts'
import { createRetainedAccess, type RetainedAccess } from './access.ts'
import { type ClearanceResult, clearRetained } from './clearance.ts'
import { namesText, type Publisher } from './topics.ts'

/** The states under the present names come first; a gateway with the former id has published its own again by then. */
const AFTER_MS = 5_000

/** `done`: nothing of ours is retained there any more. `refused`: the broker kept it. */
export type FormerNamesOutcome = 'done' | 'refused'

interface FormerNamesOptions {
  readonly former: readonly TopicNames[]
  readonly current: TopicNames
  readonly us: Publisher
  readonly settled: (names: TopicNames, outcome: FormerNamesOutcome) => void
  /** There is something to publish. */
  readonly pump: () => void
  readonly clock: Clock
  readonly log: Log
}

interface FormerNames extends TopicHandler {
  /** What the broker did not clear; null if nothing. */
  note(): string | null
  next(): Outgoing | null
}

export function createFormerNames(options: FormerNamesOptions): FormerNames {
  const { current, us, settled, pump, clock, log } = options
  let waiting = [...options.former]
  let access: RetainedAccess | null = null
  let note: string | null = null
  let stop = () => {}

  async function clearAll(connection: Connection): Promise<void> {
    let ended = false
    stop = () => {
      ended = true
      access?.close()
      access = null
    }
    for (const names of waiting) {
      const mine = createRetainedAccess({ connection, pump, clock })
      access = mine
      const result = await clearRetained(mine, { names, inUse: [current], us, dryRun: false })
      if (ended) return
      mine.close()
      if (result === null) continue
      waiting = waiting.filter((one) => one !== names)
      report(result, names, log)
      note = keptText(result, names) ?? note
      settled(names, result.kept.size > 0 ? 'refused' : 'done')
    }
    access = null
  }

  return {
    up(connection) {
      if (waiting.length === 0) return
      stop = clock.after(AFTER_MS, () => void clearAll(connection))
    },
    down: () => stop(),
    note: () => note,
    message: (topic, payload) => access?.message(topic, payload) ?? false,
    next: () => access?.next() ?? null,
  }
}

function whereText(names: TopicNames): string {
  return `under the former names ${namesText(names)}`
}

const COMMAND = "'gatewatch mqtt-clear'"

/** What the broker did not clear; null if nothing. */
function keptText({ kept }: ClearanceResult, names: TopicNames): string | null {
  const [first] = kept
  if (first === undefined) return null
  const [topic, why] = first
  const what = `${plural(kept.size, 'retained message')} ${whereText(names)}`
  return `the broker did not clear ${what}: ${topic} ${why}; the agent does not try again: allow it in the broker's ACL, then use ${COMMAND}`
}

function report(result: ClearanceResult, names: TopicNames, log: Log): void {
  const { ours, kept, others, other } = result
  const where = whereText(names)
  const cleared = ours.filter((topic) => !kept.has(topic)).length
  if (cleared > 0) log('info', `mqtt: cleared ${plural(cleared, 'retained message')} ${where}`)
  const problem = keptText(result, names)
  if (problem !== null) log('warning', `mqtt: ${problem}`)
  if (others.length > 0) {
    const machine =
      other?.machineId === undefined ? 'nothing shows who published them' : `machine_id ${other.machineId}`
    const messages = plural(others.length, 'retained message')
    log('info', `mqtt: ${messages} ${where} not cleared: not published by this agent (${machine})`)
  }
  if (ours.length + others.length + kept.size > 0) return
  const hint = `if the broker's ACL hides them from this user, allow them and use ${COMMAND} with --gateway-id ${names.gatewayId}`
  log('info', `mqtt: found no retained messages ${where}; ${hint}`)
}
