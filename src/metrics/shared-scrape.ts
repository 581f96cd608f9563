// Shares one scrape among the clients that request it at about the same time, because rendering it is what costs.
import type { Clock } from '../ports.ts'

/** How old a scrape may be, from its beginning, when a client requests it: so no client gets older values than that. */
export const SHARED_MS = 100

/**
 * Returns a function that takes a scrape, or returns one that began at most `SHARED_MS` ago. One scrape is taken at a
 * time; clients that come too late to share it all get the next one. A failed scrape rejects for those who share it.
 */
export function createSharedScrape<T>(take: () => Promise<T>, clock: Clock): () => Promise<T> {
  let latest: { readonly beganMs: number; readonly result: Promise<T> } | null = null
  let busy = false
  let next: Promise<T> | null = null

  const begin = () => {
    next = null
    busy = true
    const beganMs = clock.now().monoMs
    const result = take().finally(() => {
      busy = false
    })
    latest = { beganMs, result }
    return result
  }
  return () => {
    if (next !== null) return next
    if (latest === null) return begin()
    if (clock.now().monoMs - latest.beganMs < SHARED_MS) return latest.result
    if (!busy) return begin()
    next = latest.result.then(begin, begin)
    return next
  }
}
