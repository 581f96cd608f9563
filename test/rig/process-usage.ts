// CPU time and memory of a running process, from /proc, for benchmarks; and the median of their measurements.
import { readdirSync, readFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const TICKS_PER_SECOND = 100 // USER_HZ, proc(5): 100 on every supported architecture

/** User and system time of all threads so far, in steps of 10 ms. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_SECOND
}

/** The same in ns steps, without threads that have ended: for short times. */
export function fineCpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const ns = threads.map((tid) => Number(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').split(' ')[0]))
  return ns.reduce((sum, one) => sum + one, 0) / 1e6
}

/** CPU time of the children that have ended and were waited for, in steps of 10 ms. */
export function waitedCpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ')
  return ((Number(fields[13]) + Number(fields[14])) * 1000) / TICKS_PER_SECOND
}

/** How often its threads have waited for something so far, and so were woken up (proc_pid_status(5)). */
export function wakeUps(pid: number): number {
  const of = (tid: string) =>
    Number(/^voluntary_ctxt_switches:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/task/${tid}/status`, 'utf8'))?.[1])
  return readdirSync(`/proc/${pid}/task`).reduce((sum, tid) => sum + of(tid), 0)
}

/** The process and all that descend from it. */
export function descendants(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
  return [pid, ...children.flatMap(descendants)]
}

/** The pid, as seen here, of the process that has the pid `inside` in the pid namespace of `init`; 0 if there is none. */
export function pidOutside(init: number, inside: number): number {
  const last = (pid: number) => /^NSpid:.*\s(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return descendants(init).find((pid) => last(pid) === String(inside)) ?? 0
}

/** Anonymous memory, MB: what the kernel cannot drop. */
export function rssAnonMb(pid: number): number {
  return memoryMb(pid, 'RssAnon')
}

/** All resident memory, MB, including pages of the executable. */
export function residentMb(pid: number): number {
  return memoryMb(pid, 'VmRSS')
}

function memoryMb(pid: number, field: string): number {
  const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(kb) / 1024
}

/** The used heap of this process after a garbage collection, so that two readings can be compared. */
export function heapAfterCollecting(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5)
}

/** `share`: 0.99 for the 99th percentile. */
export function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * share)] ?? Number.NaN
}
