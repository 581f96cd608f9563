// What was last read of each watched unit beside its state: control group, memory limit, files, status text.
import type { CrashFacts } from '../../core/explain/crash-facts.ts'
import type { Bus } from '../../dbus/bus.ts'
import { plain } from '../../dbus/variants.ts'
import { createCgroupPaths, type UnitCgroup } from '../cgroup-path.ts'
import { memoryPeakCall } from '../manager-api.ts'
import { unitPath } from '../unit-path.ts'

/** Only in replies to GetAll. */
export const FACT_PROPERTIES: readonly string[] = [
  'FragmentPath',
  'DropInPaths',
  'ExecStart',
  'RootDirectory',
  'RootImage',
  'MemoryMax',
  'MemoryPeak',
]
/** In each signal of a service. */
export const STATUS_TEXT = 'StatusText'

const STATUS_TEXT_AT_MOST = 256
/** Units whose last status text is kept; services that send none need no room. */
const STATUS_TEXTS_AT_MOST = 1024
const FILES_AT_MOST = 16

/** The part of a reply to GetAll that this file keeps. */
export interface ReadFacts {
  readonly memoryMax: number | null
  readonly hasMemoryPeak: boolean
  readonly files: readonly string[]
  readonly statusText: string
}

interface UnitFacts {
  note(label: string, reading: UnitCgroup & { readonly facts: ReadFacts }): void
  /** The status text in a signal at this object path. */
  noteStatus(path: string, text: string): void
  of(label: string): CrashFacts | null
  /** Null for a unit type without a control group, and before the unit was read. `root`: that of systemd itself. */
  controlGroup(label: string, root: string): string | null
  /** Read now; null if systemd has none or does not reply. */
  memoryPeak(label: string, bus: Bus | null): Promise<number | null>
  /** Forgets all units except these. */
  keep(has: (label: string) => boolean): void
}

export function createUnitFacts(): UnitFacts {
  const units = new Map<string, ReadFacts & { readonly path: string }>()
  const cgroups = createCgroupPaths()
  const texts = new Map<string, string>()
  const noteStatus = (path: string, text: string) => {
    texts.delete(path)
    if (text === '') return
    texts.set(path, [...text.slice(0, 2 * STATUS_TEXT_AT_MOST)].slice(0, STATUS_TEXT_AT_MOST).join(''))
    const [oldest] = texts.keys()
    if (texts.size > STATUS_TEXTS_AT_MOST && oldest !== undefined) texts.delete(oldest)
  }
  return {
    note(label, { facts, ...cgroup }) {
      const path = unitPath(cgroup.id)
      cgroups.note(label, cgroup)
      units.set(label, { ...facts, path })
      noteStatus(path, facts.statusText)
    },
    noteStatus,
    of(label) {
      const facts = units.get(label)
      if (facts === undefined) return null
      return { memoryMax: facts.memoryMax, files: facts.files, statusText: texts.get(facts.path) ?? null }
    },
    controlGroup: cgroups.of,
    async memoryPeak(label, bus) {
      return bus !== null && units.get(label)?.hasMemoryPeak === true ? readMemoryPeak(bus, label) : null
    },
    keep(has) {
      cgroups.keep(has)
      for (const label of units.keys()) if (!has(label)) units.delete(label)
    },
  }
}

function readMemoryPeak(bus: Bus, unit: string): Promise<number | null> {
  return new Promise((resolve) => {
    bus.request(memoryPeakCall(unit), (error, [value]) => {
      const bytes = error === null ? plain(value) : null
      resolve(typeof bytes === 'number' ? bytes : null)
    })
  })
}

/** From the properties of a reply to GetAll. */
export function factsIn(properties: Readonly<Record<string, unknown>>): ReadFacts {
  const textOf = (name: string) => String(plain(properties[name]) ?? '')
  const memoryMax = plain(properties['MemoryMax'])
  const ownRoot = textOf('RootDirectory') !== '' || textOf('RootImage') !== ''
  const files = [textOf('FragmentPath'), ...textsIn(properties['DropInPaths'])]
  const programs = ownRoot ? [] : programsIn(properties['ExecStart'])
  return {
    memoryMax: typeof memoryMax === 'number' ? memoryMax : null, // without a limit it is 2^64-1, a bigint
    hasMemoryPeak: properties['MemoryPeak'] !== undefined,
    files: [...new Set([...files, ...programs])].filter((file) => file.startsWith('/')).slice(0, FILES_AT_MOST),
    statusText: textOf(STATUS_TEXT),
  }
}

function textsIn(value: unknown): string[] {
  const list = plain(value)
  return Array.isArray(list) ? list.filter((text) => typeof text === 'string') : []
}

/** The paths only: arguments never leave this function. */
function programsIn(value: unknown): string[] {
  const commands = plain(value)
  if (!Array.isArray(commands)) return []
  return commands.flatMap((command) => (Array.isArray(command) && typeof command[0] === 'string' ? [command[0]] : []))
}
