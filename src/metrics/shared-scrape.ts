// Shares one scrape among the clients that request it at about the same time, because rendering it is what costs.
import type { Clock } from '../ports.ts'

/** How old a scrape may be, from its beginning, when a client requests it: so no client gets older values than that. */
export const SHARED_MS = 100

/**
 * Returns a function that takes a scrape, or returns one that began at most `SHARED_MS` ago. One scrape is taken at a
 * time; clients that come too late to share it all get the next one. A failed scrape rejects for those who share it.
 */
export function createSharedScrape<T>(take: () => Promise<T>, clock: Pick<Clock, 'now'>): () => Promise<T> {
  let shared: { readonly beganMs: number; readonly result: Promise<T> } | null = null
  let running: Promise<T> | null = null
  let next: Promise<T> | null = null

  const begin = () => {
    next = null
    const beganMs = clock.now().monoMs
    const result = take().finally(() => {
      running = null
    })
    running = result
    shared = { beganMs, result }
    return result
  }
  return () => {
    if (next !== null) return next
    if (shared !== null && clock.now().monoMs - shared.beganMs < SHARED_MS) return shared.result
    if (running === null) return begin()
    next = running.then(begin, begin)
    return next
  }
}
