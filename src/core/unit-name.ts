// Unit name grammar: turns names as users write them into full names and patterns.

/** The result of parsing a text: the value, or the reason why it is invalid (worded to follow the text). */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string }

/** The unit types of systemd.unit(5). */
const TYPED = /\.(?:service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/
/** VALID_CHARS of systemd's unit-name.c; a name cannot begin with `@`. */
const NAME = /^[0-9A-Za-z:_.\\-][0-9A-Za-z:_.\\@-]*$/
/** The same characters and those of patterns. */
const ALLOWED = /^[0-9A-Za-z:_.\\@*?[\]!^-]+$/
const TEMPLATE = /^([^@]+)@(\.[a-z]+)$/
/** systemd's UNIT_NAME_MAX (256) less the terminating NUL. */
export const LONGEST_UNIT_NAME = 255

/** The name with its type: without one it is a service, even if it contains dots. `.*` matches any type. */
export function fullName(text: string): string {
  return TYPED.test(text) || text.endsWith('.*') ? text : `${text}.service`
}

/** A name that systemd could load: not a template, not a pattern. */
export function isUnitName(name: string): boolean {
  return (
    name.length <= LONGEST_UNIT_NAME &&
    NAME.test(name) &&
    TYPED.test(name) &&
    !TEMPLATE.test(name) &&
    !name.startsWith('.')
  )
}

/** True for an instance of a template (`sink@ttys1.service`), which has no unit file of its own. */
export function isInstance(name: string): boolean {
  return name.includes('@')
}

/** The template of an instance (`sink@ttys1.service` -> `sink@.service`); null if it is not an instance. */
export function templateOf(name: string): string | null {
  const at = name.indexOf('@')
  return at < 0 ? null : name.slice(0, at + 1) + name.slice(name.lastIndexOf('.'))
}

/** The pattern for all instances of a template (`sink@.service` -> `sink@*.service`); any other name unchanged. */
export function instancesOf(name: string): string {
  return name.replace(TEMPLATE, '$1@*$2')
}

/**
 * The full name or pattern. A name without a unit type is a service, even if it contains dots (`edger.endries` ->
 * `edger.endries.service`); a pattern that ends in `.*` matches every type.
 */
export function unitName(text: string): Parsed<string> {
  const bare = text.trim()
  if (bare === '') return { wrong: 'is empty, expected a unit name' }
  if (bare.includes('/')) return { wrong: `is a path; use the unit name that 'systemctl status ${bare}' shows` }
  if (!ALLOWED.test(bare)) {
    const bad = [...bare].find((letter) => !ALLOWED.test(letter)) ?? ''
    return { wrong: `is not a unit name: ${JSON.stringify(bad)} is not allowed` }
  }
  const name = fullName(bare)
  if (name.length > LONGEST_UNIT_NAME)
    return { wrong: `is longer than the ${LONGEST_UNIT_NAME} characters that systemd allows` }
  if (name.startsWith('.')) return { wrong: 'is not a unit name: the part before the type is empty' }
  if (/@\.[a-z]+$/.test(name)) {
    return { wrong: `is a template; use ${name.replace('@.', '@*.')} for its instances` }
  }
  return { value: name }
}
