// Resource usage of each unit, read from the files of its control group: this saves D-Bus calls, for the same values.
import { existsSync } from 'node:fs'
import type { UnitUsage } from '../ports.ts'
import { openRereadFile } from './reread-file.ts'

/** The control group of one run. */
interface RunCgroup {
  readonly unit: string
  /** The id of the run: the next run has new files under the same path. */
  readonly run: string
  readonly path: string
}

interface CgroupUsage {
  /** Reads these control groups, and closes the files of all others. */
  read(groups: readonly RunCgroup[]): Promise<ReadonlyMap<string, UnitUsage>>
}

/** A file that does not exist yet may exist at the next scrape; without the controller it never will. */
const TRIES = 3
/** Then the event loop turns, because signals must not wait for the files of 1,000 units. */
const GROUPS_PER_TURN = 50

export function createCgroupUsage(root = '/sys/fs/cgroup'): CgroupUsage {
  const files = existsSync(`${root}/cgroup.controllers`) ? cgroupV2(root) : cgroupV1(root)
  const open = new Map<string, OpenCgroup>()
  const openedFor = ({ unit, run, path }: RunCgroup): OpenCgroup => {
    const previous = open.get(unit)
    if (previous?.run === run && previous.path === path) return previous
    previous?.close()
    const cgroup = openCgroup(run, path, files)
    open.set(unit, cgroup)
    return cgroup
  }
  return {
    async read(groups) {
      const usages = new Map<string, UnitUsage>()
      for (const [i, group] of groups.entries()) {
        if (i > 0 && i % GROUPS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
        usages.set(group.unit, openedFor(group).read())
      }
      for (const [unit, cgroup] of open) {
        if (usages.has(unit)) continue
        cgroup.close()
        open.delete(unit)
      }
      return usages
    },
  }
}

interface OpenCgroup {
  readonly run: string
  readonly path: string
  read(): UnitUsage
  close(): void
}

function openCgroup(run: string, path: string, { memory, cpu, cpuSeconds, tasks }: CgroupLayout): OpenCgroup {
  const files = [
    openWithFewRetries(memory(path)),
    openWithFewRetries(cpu(path)),
    openWithFewRetries(tasks(path)),
  ] as const
  const [memoryFile, cpuFile, tasksFile] = files
  return {
    run,
    path,
    read: () => ({
      memoryBytes: memoryFile.read((text) => Number.parseInt(text, 10)),
      cpuSeconds: cpuFile.read(cpuSeconds),
      tasks: tasksFile.read((text) => Number.parseInt(text, 10)),
    }),
    close() {
      for (const file of files) file.close()
    },
  }
}

function openWithFewRetries(path: string) {
  const file = openRereadFile(path)
  let failures = 0
  return {
    read(number: (text: string) => number): number | null {
      if (failures >= TRIES) return null
      const text = file.read()
      failures = text === null ? failures + 1 : 0
      return text === null ? null : number(text)
    },
    close: file.close,
  }
}

interface CgroupLayout {
  readonly memory: (path: string) => string
  readonly cpu: (path: string) => string
  readonly cpuSeconds: (text: string) => number
  readonly tasks: (path: string) => string
}

/** Control groups v2 (kernel: admin-guide/cgroup-v2). */
function cgroupV2(root: string): CgroupLayout {
  return {
    memory: (path) => `${root}${path}/memory.current`,
    cpu: (path) => `${root}${path}/cpu.stat`,
    cpuSeconds: (text) => Number(/^usage_usec (\d+)/m.exec(text)?.[1] ?? 0) / 1e6,
    tasks: (path) => `${root}${path}/pids.current`,
  }
}

/** Control groups v1 or hybrid: one hierarchy per controller. */
function cgroupV1(root: string): CgroupLayout {
  const cpu = existsSync(`${root}/cpuacct`) ? 'cpuacct' : 'cpu,cpuacct'
  return {
    memory: (path) => `${root}/memory${path}/memory.usage_in_bytes`,
    cpu: (path) => `${root}/${cpu}${path}/cpuacct.usage`,
    cpuSeconds: (text) => Number.parseInt(text, 10) / 1e9,
    tasks: (path) => `${root}/pids${path}/pids.current`,
  }
}
