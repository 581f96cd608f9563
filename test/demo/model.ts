// The data that the demo shows: the agent's status response, and a log of events and demo actions, oldest first.
import { setTimeout as pause } from 'node:timers/promises'
import type { AgentClient } from '../../src/cli/agent-client.ts'
import type { statusText } from '../../src/cli/commands/status.ts'
import type { EventView } from '../../src/core/views/event-text.ts'
import type { DemoAgent } from './agent.ts'

export type Status = Parameters<typeof statusText>[0]

/** An event of the agent, or an action of the demo as text. */
export type LogEntry = { readonly atMs: number } & ({ readonly event: EventView } | { readonly action: string })

export interface Model {
  /** Which systemd is watched, as it reads after "on". */
  readonly environment: string
  readonly agent: Pick<DemoAgent, 'version' | 'gatewayId' | 'metricsUrl'>
  /** The command that follows the events at the broker; null if there is no broker. */
  readonly subscribe: string | null
  readonly startedAtMs: number
  /** Null: runs until the user quits. */
  readonly endsAtMs: number | null
  /** The agent's latest response. */
  status: Status
  readonly log: readonly LogEntry[]
  /** Number of events of the agent, including those that `log` has discarded. */
  readonly events: number
}

const MAX_LOG_ENTRIES = 500
const POLL_EVERY_MS = 500
const AGENT_EXIT_REPORTED_WITHIN_MS = 2_000

/** Is notified of changes to the model. */
export interface ModelListener {
  entryAdded(entry: LogEntry): void
  statusChanged(): void
}

export type DemoFacts = Pick<Model, 'environment' | 'agent' | 'subscribe' | 'startedAtMs' | 'endsAtMs'>

export interface LiveModel {
  readonly model: Model
  /** Adds an action of the demo to the log. */
  readonly addAction: (action: string) => void
  /** Follows the agent until `signal` aborts; rejects when the agent does not respond. */
  follow(client: AgentClient, signal: AbortSignal): Promise<void>
}

export function createLiveModel(facts: DemoFacts, listener: ModelListener): LiveModel {
  const log: LogEntry[] = []
  const model = { ...facts, status: { units: [] } as Status, log, events: 0 }
  const add = (entry: LogEntry) => {
    log.push(entry)
    if (log.length > MAX_LOG_ENTRIES) log.shift()
    listener.entryAdded(entry)
  }
  return {
    model,
    addAction: (action) => add({ atMs: Date.now(), action }),
    async follow(client, signal) {
      const updateStatus = async () => {
        model.status = (await client.get('/api/v1/status')) as Status
        listener.statusChanged()
      }
      const addEvent = (message: { data: string }) => {
        model.events += 1
        add({ atMs: Date.now(), event: JSON.parse(message.data) as EventView })
        updateStatus().catch(() => {}) // the next poll reports it
      }
      await updateStatus()
      const polling = setInterval(() => updateStatus().catch(() => {}), POLL_EVERY_MS)
      try {
        await client.stream('/api/v1/stream?since=beginning-0&states=0', addEvent, signal)
        if (signal.aborted) return await updateStatus()
        // DemoAgent.failed has the better message for an agent that died: give it time to reject first.
        await pause(AGENT_EXIT_REPORTED_WITHIN_MS, undefined, { signal }).catch(() => {})
        if (!signal.aborted) throw new Error('the agent closed its event stream')
      } finally {
        clearInterval(polling)
      }
    },
  }
}
