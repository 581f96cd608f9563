// What each unit uses, from the files of its control group: no call to systemd, which would read the very same files.
import { existsSync } from 'node:fs'
import type { UnitUsage } from '../ports.ts'
import { keptFile } from './reread-file.ts'

/** A run whose group has to be read. */
export interface Group {
  readonly unit: string
  /** The files of another run are other files, though their path is the same. */
  readonly run: string
  readonly path: string
}

export interface ControlGroups {
  /** Reads those, and forgets all others. */
  read(groups: readonly Group[]): ReadonlyMap<string, UnitUsage>
}

/** A group that is not there yet may be at the next scrape; one that systemd does not make never is. */
const TRIES = 3

export function controlGroups(root = '/sys/fs/cgroup'): ControlGroups {
  const files = existsSync(`${root}/cgroup.controllers`) ? unified(root) : legacy(root)
  let kept = new Map<string, Kept>()
  return {
    read(groups) {
      const next = new Map<string, Kept>()
      const usages = new Map<string, UnitUsage>()
      for (const { unit, run, path } of groups) {
        const before = kept.get(unit)
        const same = before?.run === run && before.path === path
        if (!same) before?.close()
        const entry = same ? before : keep(run, path, files)
        next.set(unit, entry)
        kept.delete(unit)
        usages.set(unit, entry.read())
      }
      for (const gone of kept.values()) gone.close()
      kept = next
      return usages
    },
  }
}

interface Kept {
  readonly run: string
  readonly path: string
  read(): UnitUsage
  close(): void
}

function keep(run: string, path: string, { memory, cpu, cpuSeconds, tasks }: Files): Kept {
  const files = [triedFile(memory(path)), triedFile(cpu(path)), triedFile(tasks(path))] as const
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

function triedFile(path: string) {
  const file = keptFile(path)
  let missed = 0
  return {
    read(number: (text: string) => number): number | null {
      if (missed >= TRIES) return null
      const text = file.read()
      missed = text === null ? missed + 1 : 0
      return text === null ? null : number(text)
    },
    close: file.close,
  }
}

interface Files {
  readonly memory: (path: string) => string
  readonly cpu: (path: string) => string
  readonly cpuSeconds: (text: string) => number
  readonly tasks: (path: string) => string
}

/** Control groups v2 (kernel: admin-guide/cgroup-v2). */
function unified(root: string): Files {
  return {
    memory: (path) => `${root}${path}/memory.current`,
    cpu: (path) => `${root}${path}/cpu.stat`,
    cpuSeconds: (text) => Number(/^usage_usec (\d+)/m.exec(text)?.[1] ?? 0) / 1e6,
    tasks: (path) => `${root}${path}/pids.current`,
  }
}

/** Version 1, or both: a hierarchy for each controller. */
function legacy(root: string): Files {
  const cpu = existsSync(`${root}/cpuacct`) ? 'cpuacct' : 'cpu,cpuacct'
  return {
    memory: (path) => `${root}/memory${path}/memory.usage_in_bytes`,
    cpu: (path) => `${root}/${cpu}${path}/cpuacct.usage`,
    cpuSeconds: (text) => Number.parseInt(text, 10) / 1e9,
    tasks: (path) => `${root}/pids${path}/pids.current`,
  }
}
