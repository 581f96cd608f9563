// What the demo shows: the agent's own answer, and what was told so far, oldest first.
import { setTimeout as pause } from 'node:timers/promises'
import type { AgentClient } from '../../src/cli/agent-client.ts'
import type { statusText } from '../../src/cli/commands/status.ts'
import type { EventView } from '../../src/core/event-text.ts'
import type { DemoAgent } from './agent.ts'

export type Status = Parameters<typeof statusText>[0]

/** An event of the agent's, or something that the demo did, in words. */
export type Told = { readonly atMs: number } & ({ readonly event: EventView } | { readonly deed: string })

export interface Model {
  readonly where: string
  readonly agent: Pick<DemoAgent, 'version' | 'gatewayId' | 'metricsUrl'>
  /** The command that follows the events at the broker; null where there is none. */
  readonly subscribe: string | null
  readonly startedAtMs: number
  /** Null: until somebody ends it. */
  readonly endsAtMs: number | null
  /** As last answered. */
  status: Status
  readonly told: readonly Told[]
  /** Events of the agent's, also those that `told` has forgotten. */
  readonly events: number
}

const KEPT = 500
const ASK_EVERY_MS = 500
const GONE_FOR_AT_MOST_MS = 2_000

/** Whoever shows it. */
export interface Watcher {
  told(entry: Told): void
  changed(): void
}

export type Facts = Pick<Model, 'where' | 'agent' | 'subscribe' | 'startedAtMs' | 'endsAtMs'>

export interface Live {
  readonly model: Model
  readonly deed: (words: string) => void
  /** Follows the agent until `signal` aborts; rejects where it does not answer. */
  follow(client: AgentClient, signal: AbortSignal): Promise<void>
}

export function liveModel(facts: Facts, watcher: Watcher): Live {
  const told: Told[] = []
  const model = { ...facts, status: { units: [] } as Status, told, events: 0 }
  const add = (entry: Told) => {
    told.push(entry)
    if (told.length > KEPT) told.shift()
    watcher.told(entry)
  }
  return {
    model,
    deed: (words) => add({ atMs: Date.now(), deed: words }),
    async follow(client, signal) {
      const ask = async () => {
        model.status = (await client.get('/api/v1/status')) as Status
        watcher.changed()
      }
      const tell = (message: { data: string }) => {
        model.events += 1
        add({ atMs: Date.now(), event: JSON.parse(message.data) as EventView })
        ask().catch(() => {}) // the next asking will say so
      }
      await ask()
      const asking = setInterval(() => ask().catch(() => {}), ASK_EVERY_MS)
      try {
        await client.stream('/api/v1/stream?since=beginning-0', tell, signal)
        if (signal.aborted) return await ask()
        await pause(GONE_FOR_AT_MOST_MS, undefined, { signal }).catch(() => {}) // an agent that died is told elsewhere
        if (!signal.aborted) throw new Error('the agent ended its stream of events')
      } finally {
        clearInterval(asking)
      }
    },
  }
}
