// Serves scrapes: gathers the facts and renders all families in the requested format.
import { readdirSync, statSync } from 'node:fs'
import type { Clock } from '../ports.ts'
import { formatFor } from './content-type.ts'
import { CONTENT_TYPES, createExposition, type Format } from './exposition.ts'
import { FAMILIES } from './families/all.ts'
import type { Federated, Federation } from './federate/federate.ts'
import type { createSelection, SelectedSeries } from './federate/selection.ts'
import type { ProcessFacts, ScrapeFacts, ScrapeInput } from './scrape-input.ts'
import { createSharedScrape } from './shared-scrape.ts'

interface ScrapeResponse<B> {
  readonly type: string
  readonly body: B
}

export interface Metrics {
  /** `accept` is the request's Accept header. Clients that request the same format at about the same time share one body. */
  scrape(accept: string): Promise<ScrapeResponse<Buffer>>
  /** `matches`: the selectors (`match[]`). `peer`: whose request it is. */
  federate(matches: readonly string[], peer: string): Promise<ScrapeResponse<string> | Exclude<Federated, string>>
  /** The series that match one of the selectors; rejects if a selector is invalid. */
  select(matches: readonly string[]): Promise<SelectedSeries>
  /** The same values as StatsD lines. */
  statsd(): Promise<readonly string[]>
}

/**
 * `gather` first commits if the flush budget allows it (StateStore.commitForReader), and then takes all facts at one
 * instant. With `withUsage` false, it may leave `usage` and `host` empty, as is then the usage of the process.
 */
export function createMetrics(gather: (withUsage: boolean) => Promise<ScrapeFacts>, clock: Clock): Metrics {
  let federation: Federation | null = null
  let selection: ReturnType<typeof createSelection> | null = null
  let startedAtMonoMs: number | null = null

  const read = async (withUsage = true) => {
    const facts = await gather(withUsage)
    startedAtMonoMs ??= clock.now().monoMs - process.uptime() * 1000
    const usage = withUsage ? readProcess() : NO_PROCESS
    return { ...facts, process: { ...usage, startedAtMs: clock.wallMsOf(startedAtMonoMs) } }
  }
  const scrapes = { text: scrapesAs('text', read, clock), openmetrics: scrapesAs('openmetrics', read, clock) }
  return {
    scrape: (accept) => scrapes[formatFor(accept)](),
    async statsd() {
      const { statsdLines } = await import('./statsd-lines.ts')
      return statsdLines(FAMILIES, await read())
    },
    async select(matches) {
      const module = await import('./federate/selection.ts')
      selection ??= module.createSelection(FAMILIES, read)
      return selection(matches)
    },
    async federate(matches, peer) {
      const { createFederation } = await import('./federate/federate.ts')
      federation ??= createFederation(FAMILIES, read, clock)
      const body = await federation.federate(matches, peer)
      return typeof body === 'string' ? { type: CONTENT_TYPES.text, body } : body
    },
  }
}

/** Each format has a registry of its own, created by its first scrape. */
function scrapesAs(format: Format, read: () => Promise<ScrapeInput>, clock: Clock) {
  let created: ReturnType<typeof createExposition<ScrapeInput>> | null = null
  const take = async () => {
    created ??= createExposition(FAMILIES, format)
    const render = await created
    return { type: CONTENT_TYPES[format], body: Buffer.from(await render(await read())) }
  }
  return createSharedScrape(take, clock)
}

const NO_PROCESS: Omit<ProcessFacts, 'startedAtMs'> = { cpuSeconds: 0, residentBytes: 0, openFds: null }

function readProcess(): Omit<ProcessFacts, 'startedAtMs'> {
  const { user, system } = process.cpuUsage()
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openFds: openFds(),
  }
}

const FDS = '/proc/self/fd'

function openFds(): number | null {
  try {
    const { size } = statSync(FDS) // their number since Linux 6.2, before that 0
    return size > 0 ? size : readdirSync(FDS).length - 1 // one of them is open only for this listing
  } catch {
    return null
  }
}
