// Which units are watched, by the names that the user knows them by, and where on the bus each one speaks.
import { globMatcher, isGoodPattern, isPattern } from '../core/glob.ts'
import { fullName, instancesOf, isUnitName, LONGEST_UNIT_NAME } from '../core/unit-name.ts'
import { unitPath } from './unit-path.ts'

/** What is configured, sorted out; each name once, in the order given. */
export interface ConfiguredUnits {
  readonly names: readonly string[]
  readonly patterns: readonly string[]
  /** Neither a unit name nor a pattern. */
  readonly invalid: readonly string[]
}

/** A bare name is a service, whatever dots it has; a template stands for its instances (`sink@` -> `sink@*.service`). */
export function configuredUnits(configured: readonly string[]): ConfiguredUnits {
  const names = new Set<string>()
  const patterns = new Set<string>()
  const invalid: string[] = []
  for (const text of configured) {
    const name = instancesOf(fullName(text))
    if (isUnitName(name)) names.add(name)
    else if (isPattern(name) && name.length <= LONGEST_UNIT_NAME && isGoodPattern(name)) patterns.add(name)
    else invalid.push(text)
  }
  return { names: [...names], patterns: [...patterns], invalid }
}

/** Whether `name` is a unit that one of the patterns stands for. */
export function patternMatcher(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map(globMatcher)
  return (name) => isUnitName(name) && matchers.some((matches) => matches(name))
}

export interface WatchList {
  /** Replaces what is configured; units that the old patterns stood for stay where a new one does. */
  configure(configured: ConfiguredUnits): void
  patterns(): readonly string[]
  /** The configured names. */
  names(): readonly string[]
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

const NONE: readonly string[] = []

/** `known`: units that the patterns stood for before. `onFull` is told once, of the first unit without room. */
export function createWatchList(
  configured: ConfiguredUnits,
  known: readonly string[],
  maxUnits: number,
  onFull: (name: string) => void,
): WatchList {
  const named = new Set<string>()
  const found = new Set<string>()
  const canonical = new Map<string, string>()
  const labels = createLabelsByPath()
  let patterns: readonly string[] = []
  let matches = (_name: string) => false
  let full = false

  const enter = (set: Set<string>, label: string): boolean => {
    if (named.has(label) || found.has(label)) return false
    if (named.size + found.size >= maxUnits) {
      if (!full) onFull(label)
      full = true
      return false
    }
    set.add(label)
    labels.link(unitPath(label), label)
    return true
  }

  const fill = (next: ConfiguredUnits, candidates: readonly string[]) => {
    for (const notes of [named, found, canonical, labels]) notes.clear()
    full = false
    patterns = next.patterns
    matches = patternMatcher(patterns)
    for (const name of next.names) enter(named, name)
    for (const name of candidates) if (matches(name)) enter(found, name)
  }
  fill(configured, known)

  return {
    configure: (next) => fill(next, [...named, ...found]),
    patterns: () => patterns,
    names: () => [...named],
    all: () => [...named, ...found],
    has: (label) => named.has(label) || found.has(label),
    at: labels.at,
    resolved(label, id) {
      const before = canonical.get(label)
      if (before === id || !isUnitName(id)) return
      if (before !== undefined && before !== label) labels.unlink(unitPath(before), label)
      canonical.set(label, id)
      labels.link(unitPath(id), label)
    },
    matches: (name) => matches(name),
    add: (name) => enter(found, name),
    remove(name) {
      if (!found.delete(name)) return
      labels.unlink(unitPath(name), name)
      labels.unlink(unitPath(canonical.get(name) ?? name), name)
      canonical.delete(name)
      full = false
    },
    isNamed: (label) => named.has(label),
  }
}

interface LabelsByPath {
  at(path: string): readonly string[]
  link(path: string, label: string): void
  unlink(path: string, label: string): void
  clear(): void
}

function createLabelsByPath(): LabelsByPath {
  const byPath = new Map<string, readonly string[]>()
  return {
    at: (path) => byPath.get(path) ?? NONE,
    link(path, label) {
      const there = byPath.get(path) ?? NONE
      if (!there.includes(label)) byPath.set(path, [...there, label])
    },
    unlink(path, label) {
      const left = (byPath.get(path) ?? NONE).filter((other) => other !== label)
      if (left.length > 0) byPath.set(path, left)
      else byPath.delete(path)
    },
    clear: () => byPath.clear(),
  }
}
