// What a running process takes, by /proc.
import { readFileSync } from 'node:fs'

const CLOCK_TICKS = 100 // getconf CLK_TCK on every Linux that we know

export interface Taken {
  readonly cpuSeconds: number
  readonly residentMb: number
}

export function taken(pid: number): Taken {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const kb = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpuSeconds: (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS, residentMb: Number(kb) / 1024 }
}
