// The process' own numbers, at the price of one directory listing a scrape.
import { promises } from 'node:fs'
import type { ProcessFacts } from './reading.ts'

/** Reads them. `nowMonoMs` is CLOCK_MONOTONIC, as everywhere. */
export async function readProcess(nowMonoMs: number): Promise<ProcessFacts> {
  const { user, system } = process.cpuUsage()
  return {
    cpuSeconds: (user + system) / 1e6,
    residentBytes: process.memoryUsage.rss(),
    openFds: await openFds(),
    startedAtMonoMs: nowMonoMs - process.uptime() * 1000,
  }
}

async function openFds(): Promise<number | null> {
  try {
    // The listing itself holds one of them open.
    return (await promises.readdir('/proc/self/fd')).length - 1
  } catch {
    return null
  }
}
