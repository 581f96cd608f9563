// A memory control group for one process: the kernel kills the process when it needs more.
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from './until.ts'

export interface MemoryCgroup {
  /** A command in front of a program, which moves it into the group. */
  readonly prefix: readonly string[]
  /** The most that was charged to the group so far, MB, including page cache. */
  peakMb(): number
  /** The caller has ended the processes in the group. */
  remove(): Promise<void>
}

interface Files {
  readonly limit: string
  readonly peak: string
}

const V1: Files = { limit: 'memory.limit_in_bytes', peak: 'memory.max_usage_in_bytes' }
const V2: Files = { limit: 'memory.max', peak: 'memory.peak' }

let created = 0

export function createMemoryCgroup(limitMb: number): MemoryCgroup {
  created += 1
  const v1 = '/sys/fs/cgroup/memory'
  const [root, files] = existsSync(v1) ? [v1, V1] : ['/sys/fs/cgroup', V2]
  const directory = join(root, `gw-bench-${process.pid}-${created}`)
  mkdirSync(directory)
  writeFileSync(join(directory, files.limit), String(limitMb << 20))
  return {
    prefix: ['/bin/sh', '-c', `echo $$ >${join(directory, 'cgroup.procs')} && exec "$0" "$@"`],
    peakMb: () => Number(readFileSync(join(directory, files.peak), 'utf8')) / 2 ** 20,
    async remove() {
      const isEmpty = () => readFileSync(join(directory, 'cgroup.procs'), 'utf8') === ''
      await until(isEmpty, { what: 'the control group to be empty', is: Boolean })
      rmdirSync(directory)
    },
  }
}
