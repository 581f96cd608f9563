// The list of watched units: names and patterns from the configuration, units found through patterns, and their object paths.
import { globMatcher, isGoodPattern, isPattern } from '../core/glob.ts'
import { fullName, instancesOf, isUnitName, LONGEST_UNIT_NAME } from '../core/unit-name.ts'
import { plural } from '../core/views/format.ts'
import { unitPath } from './unit-path.ts'

/** The configured entries, separated into names and patterns; each once, in the order given. */
export interface ConfiguredUnits {
  readonly names: readonly string[]
  readonly patterns: readonly string[]
  /** Neither a unit name nor a pattern. */
  readonly invalid: readonly string[]
}

/** A name without a type is a service, even if it contains dots; a template means its instances (`sink@` -> `sink@*.service`). */
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

/** A test whether a name is a unit name that matches one of the patterns. */
export function patternMatcher(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map(globMatcher)
  return (name) => isUnitName(name) && matchers.some((matches) => matches(name))
}

export interface WatchList {
  /** Replaces the configuration; units found through the old patterns are kept if a new pattern matches them. */
  configure(configured: ConfiguredUnits): void
  patterns(): readonly string[]
  /** The configured names. */
  names(): readonly string[]
  /** The name under which each unit is watched (its label), the configured names first. */
  all(): readonly string[]
  has(label: string): boolean
  /** Labels of the unit at this object path: an alias and its unit may both be watched. */
  at(path: string): readonly string[]
  /** Sets the canonical name of a label: signals of an alias come on the path of its unit. */
  resolved(label: string, id: string): void
  /** Whether a label is an alias of another unit. */
  hasAlias(): boolean
  /** Whether a pattern matches this unit. */
  matches(name: string): boolean
  /** Watches a unit that a pattern matches; false if it is watched already or the list is full. */
  add(name: string): boolean
  /** Removes a unit that was found through a pattern. */
  remove(name: string): void
  /** systemd has listed all units: forgets those that did not fit, because they are now added again. */
  listed(): void
  /** Why configured units are not watched, one sentence each: an entry is not valid, the list is full. */
  problems(): readonly string[]
  /** Whether the configuration names this unit itself. */
  isNamed(label: string): boolean
}

const NONE: readonly string[] = []
/** How many of the units that do not fit are named. */
const REFUSED_SHOWN = 3

export function invalidText(entry: string): string {
  return `${entry}: not watched: not a valid unit name or pattern`
}

/** `known`: units that matched the patterns earlier. `onFull` is called once, for the first unit that does not fit. */
export function createWatchList(
  configured: ConfiguredUnits,
  known: readonly string[],
  maxUnits: number,
  onFull: (name: string) => void,
): WatchList {
  const named = new Set<string>()
  const discovered = new Set<string>()
  const canonical = new Map<string, string>()
  const labels = createLabelsByPath()
  /** Units that did not fit: the first few, and one more if there were others. */
  const refused = new Set<string>()
  let configuration = configured
  let matches = (_name: string) => false
  let full = false

  const insert = (set: Set<string>, label: string): boolean => {
    if (named.has(label) || discovered.has(label)) return false
    if (named.size + discovered.size >= maxUnits) {
      if (!full) onFull(label)
      full = true
      if (refused.size <= REFUSED_SHOWN) refused.add(label)
      return false
    }
    refused.delete(label)
    set.add(label)
    labels.link(unitPath(label), label)
    return true
  }

  const fill = (next: ConfiguredUnits, candidates: readonly string[]) => {
    for (const notes of [named, discovered, canonical, labels, refused]) notes.clear()
    full = false
    configuration = next
    matches = patternMatcher(next.patterns)
    for (const name of next.names) insert(named, name)
    for (const name of candidates) if (matches(name)) insert(discovered, name)
  }
  fill(configured, known)

  return {
    configure: (next) => fill(next, [...named, ...discovered]),
    patterns: () => configuration.patterns,
    names: () => [...named],
    all: () => [...named, ...discovered],
    has: (label) => named.has(label) || discovered.has(label),
    at: labels.at,
    resolved(label, id) {
      const before = canonical.get(label)
      if (before === id || !isUnitName(id)) return
      if (before !== undefined && before !== label) labels.unlink(unitPath(before), label)
      canonical.set(label, id)
      labels.link(unitPath(id), label)
    },
    hasAlias: () => [...canonical].some(([label, id]) => label !== id),
    matches: (name) => matches(name),
    add: (name) => insert(discovered, name),
    remove(name) {
      if (!discovered.delete(name)) return
      labels.unlink(unitPath(name), name)
      labels.unlink(unitPath(canonical.get(name) ?? name), name)
      canonical.delete(name)
      full = false
    },
    listed() {
      for (const name of refused) if (!configuration.names.includes(name)) refused.delete(name)
    },
    problems: () => [
      ...configuration.invalid.map(invalidText),
      ...fullText([...refused], named.size + discovered.size, maxUnits),
    ],
    isNamed: (label) => named.has(label),
  }
}

function fullText(refused: readonly string[], watched: number, maxUnits: number): readonly string[] {
  if (refused.length === 0) {
    if (watched < maxUnits) return []
    return [`the limit of ${plural(maxUnits, 'unit')} is reached (max_units); no other unit can be watched`]
  }
  const names = refused.slice(0, REFUSED_SHOWN).join(', ')
  const others = refused.length > REFUSED_SHOWN ? ' and others' : ''
  return [`${names}${others}: not watched: the limit of ${plural(maxUnits, 'unit')} is reached (max_units)`]
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
      const linked = byPath.get(path) ?? NONE
      if (!linked.includes(label)) byPath.set(path, [...linked, label])
    },
    unlink(path, label) {
      const left = (byPath.get(path) ?? NONE).filter((other) => other !== label)
      if (left.length > 0) byPath.set(path, left)
      else byPath.delete(path)
    },
    clear: () => byPath.clear(),
  }
}
