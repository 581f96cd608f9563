// Serves scrapes: gathers the facts and renders all families in the requested format.
import { readdirSync } from 'node:fs'
import type { Clock } from '../ports.ts'
import { formatFor } from './content-type.ts'
import { CONTENT_TYPES, exposition } from './exposition.ts'
import { FAMILIES } from './families/all.ts'
import type { Federated, Federation } from './federate/federate.ts'
import { createSteadyClock, type ProcessFacts, type ScrapeFacts } from './scrape-input.ts'

interface ScrapeResponse {
  readonly type: string
  readonly body: string
}

export interface Metrics {
  /** `accept` is the request's Accept header. */
  scrape(accept: string): Promise<ScrapeResponse>
  /** `matches`: the selectors (`match[]`). */
  federate(matches: readonly string[]): Promise<ScrapeResponse | Exclude<Federated, string>>
  /** The same values as StatsD lines. */
  statsd(): Promise<readonly string[]>
}

/**
 * `gather` first commits if the flush budget allows it (StateStore.commitForReader), and then takes all facts at one
 * instant.
 */
export function createMetrics(gather: () => Promise<ScrapeFacts>, clock: Pick<Clock, 'after'>): Metrics {
  let federation: Federation | null = null
  const steady = createSteadyClock()
  let startedAtMonoMs: number | null = null

  const read = async () => {
    const facts = await gather()
    const process = readProcess(facts.now.monoMs)
    startedAtMonoMs ??= process.startedAtMonoMs
    return { ...facts, process: { ...process, startedAtMonoMs }, now: steady(facts.now) }
  }
  return {
    async scrape(accept) {
      const format = formatFor(accept)
      return { type: CONTENT_TYPES[format], body: await exposition(FAMILIES, await read(), format) }
    },
    async statsd() {
      const { statsdLines } = await import('./statsd-lines.ts')
      return statsdLines(FAMILIES, await read())
    },
    async federate(matches) {
      const { createFederation } = await import('./federate/federate.ts')
      federation ??= createFederation(FAMILIES, read, clock)
      const body = await federation.federate(matches)
      return typeof body === 'string' ? { type: CONTENT_TYPES.text, body } : body
    },
  }
}

/** `nowMonoMs`: CLOCK_MONOTONIC. */
function readProcess(nowMonoMs: number): ProcessFacts {
  const { user, system } = process.cpuUsage()
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openFds: openFds(),
    startedAtMonoMs: nowMonoMs - process.uptime() * 1000,
  }
}

function openFds(): number | null {
  try {
    // One of them is open only for this listing.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return null
  }
}
