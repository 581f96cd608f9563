// What the kernel says of the agent's process, for benches.
import { readFileSync } from 'node:fs'

const CLOCK_TICKS = 100 // getconf CLK_TCK on every Linux that we know

/** User and system time of all threads so far. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / CLOCK_TICKS
}

/** Memory of its own, in MB. */
export function rssAnonMb(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
