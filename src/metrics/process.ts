// The process' own numbers, at the price of one directory listing a scrape.
import { readdirSync } from 'node:fs'
import type { ProcessFacts } from './scrape-input.ts'

/** Reads them. `nowMonoMs` is CLOCK_MONOTONIC, as everywhere. */
export function readProcess(nowMonoMs: number): ProcessFacts {
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
    // The listing itself holds one of them open.
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return null
  }
}
