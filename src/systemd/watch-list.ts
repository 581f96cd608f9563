// Which units are watched, by the names that the user knows them by, and where on the bus each one speaks.
import { type ConfiguredUnits, isUnitName, patternMatcher, unitPath } from './names.ts'

export interface WatchList {
  /** Every label, the configured names first. */
  all(): readonly string[]
  has(label: string): boolean
  /** Labels of the unit at this object path: an alias and its unit may both be watched. */
  at(path: string): readonly string[]
  /** Notes the unit that a label stands for: an alias never speaks on its own path. */
  resolved(label: string, id: string): void
  /** Whether a pattern stands for this unit. */
  matches(name: string): boolean
  /** Watches a unit that a pattern stands for; false where it is watched already or there is no room. */
  add(name: string): boolean
  /** Forgets a unit that only a pattern stands for. */
  remove(name: string): void
  isNamed(label: string): boolean
}

/** `known`: units that the patterns stood for before. `onFull` is told once, of the first unit without room. */
export function createWatchList(
  watched: ConfiguredUnits,
  known: readonly string[],
  maxUnits: number,
  onFull: (name: string) => void,
): WatchList {
  const named = new Set<string>()
  const found = new Set<string>()
  const byPath = new Map<string, string[]>()
  const canonical = new Map<string, string>()
  const matches = patternMatcher(watched.patterns)
  let full = false

  const enter = (set: Set<string>, label: string): boolean => {
    if (named.has(label) || found.has(label)) return false
    if (named.size + found.size >= maxUnits) {
      if (!full) onFull(label)
      full = true
      return false
    }
    set.add(label)
    link(unitPath(label), label)
    return true
  }
  const link = (path: string, label: string) => {
    const there = byPath.get(path) ?? []
    if (!there.includes(label)) byPath.set(path, [...there, label])
  }
  const unlink = (path: string, label: string) => {
    const left = (byPath.get(path) ?? []).filter((other) => other !== label)
    if (left.length > 0) byPath.set(path, left)
    else byPath.delete(path)
  }

  for (const name of watched.names) enter(named, name)
  for (const name of known) if (matches(name)) enter(found, name)

  return {
    all: () => [...named, ...found],
    has: (label) => named.has(label) || found.has(label),
    at: (path) => byPath.get(path) ?? NONE,
    resolved(label, id) {
      const before = canonical.get(label)
      if (before === id || !isUnitName(id)) return
      if (before !== undefined && before !== label) unlink(unitPath(before), label)
      canonical.set(label, id)
      link(unitPath(id), label)
    },
    matches,
    add: (name) => enter(found, name),
    remove(name) {
      if (!found.delete(name)) return
      unlink(unitPath(name), name)
      unlink(unitPath(canonical.get(name) ?? name), name)
      canonical.delete(name)
      full = false
    },
    isNamed: (label) => named.has(label),
  }
}

const NONE: readonly string[] = []
