// One scrape: gather the facts, read them through the table of families, in the format asked for.
import { formatFor } from './accept.ts'
import { CONTENT_TYPES, exposition } from './exposition.ts'
import { readProcess } from './process.ts'
import { type Facts, steadyClock } from './reading.ts'
import { FAMILIES } from './table.ts'

export interface Scraped {
  readonly type: string
  readonly body: string
}

/**
 * Gives the function that answers a scrape; `accept` is the request's Accept header. `gather` commits first where the
 * store lets a reader (StateStore.commitForReader), and takes all its facts at one instant, after that.
 */
export function createMetrics(gather: () => Promise<Facts>): (accept: string) => Promise<Scraped> {
  const steady = steadyClock()
  let startedAtMonoMs: number | null = null
  return async (accept) => {
    const facts = await gather()
    const read = await readProcess(facts.now.monoMs)
    startedAtMonoMs ??= read.startedAtMonoMs
    const reading = { ...facts, process: { ...read, startedAtMonoMs }, now: steady(facts.now) }
    const format = formatFor(accept)
    return { type: CONTENT_TYPES[format], body: exposition(FAMILIES, reading, format) }
  }
}
