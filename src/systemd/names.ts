// Unit names and paths: as configured, as systemd spells them, and as the bus does. Pure.
import { globMatcher, isGoodPattern, isPattern } from '../core/glob.ts'

const TYPES = 'service|socket|device|mount|automount|swap|target|path|timer|slice|scope'
const TYPED = new RegExp(`\\.(?:${TYPES})$`)
/** VALID_CHARS of systemd's unit-name.c; 255 characters at most. */
const VALID = /^[0-9A-Za-z:_.\\-][0-9A-Za-z:_.\\@-]{0,254}$/
const TEMPLATE = /^([^@]+)@(\.[a-z]+)$/
const UNITS = '/org/freedesktop/systemd1/unit/'

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
    const name = instances(fullName(text))
    if (isPattern(name)) {
      if (isUsable(name)) patterns.add(name)
      else invalid.push(text)
    } else if (isUnitName(name)) names.add(name)
    else invalid.push(text)
  }
  return { names: [...names], patterns: [...patterns], invalid }
}

/** The name with its type; a pattern that ends in `.*` stands for any type. */
export function fullName(text: string): string {
  return TYPED.test(text) || text.endsWith('.*') ? text : `${text}.service`
}

/** A name that systemd could load: not a template, not a pattern. */
export function isUnitName(name: string): boolean {
  return name.length <= 255 && VALID.test(name) && TYPED.test(name) && !TEMPLATE.test(name) && !name.startsWith('.')
}

/** Whether `name` is a unit that one of the patterns stands for. */
export function patternMatcher(patterns: readonly string[]): (name: string) => boolean {
  const matchers = patterns.map(globMatcher)
  return (name) => isUnitName(name) && matchers.some((matches) => matches(name))
}

/** `sink@ttys1.service` -> true: such a unit has no file of its own. */
export function isInstance(name: string): boolean {
  return name.includes('@')
}

/** The object path of a unit, escaped as systemd's bus_label_escape() does. */
export function unitPath(name: string): string {
  const label = Array.from(Buffer.from(name, 'utf8'), (byte, i) => {
    const letter = String.fromCharCode(byte)
    const kept = i === 0 ? /[A-Za-z]/ : /[0-9A-Za-z]/
    return kept.test(letter) ? letter : `_${byte.toString(16).padStart(2, '0')}`
  }).join('')
  return UNITS + (label === '' ? '_' : label)
}

/** The unit at an object path, null where it is no unit's. An escape that is none stands for itself. */
export function unitAt(path: string): string | null {
  if (!path.startsWith(UNITS)) return null
  const label = path.slice(UNITS.length)
  if (label === '' || label.includes('/')) return null
  if (label === '_') return ''
  return label.replace(/_([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function instances(name: string): string {
  return name.replace(TEMPLATE, '$1@*$2')
}

function isUsable(pattern: string): boolean {
  return pattern.length <= 255 && isGoodPattern(pattern)
}
