// Unit names as people write them, made into the full names and patterns that systemd knows.

/** The outcome of reading a text: the value, or why it is none (worded to follow the value). */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string }

/** The unit types of systemd.unit(5). */
const TYPED = /\.(?:service|socket|device|mount|automount|swap|target|path|timer|slice|scope)$/
/** VALID_CHARS of systemd's unit-name.c; a name cannot begin with `@`. */
const NAME = /^[0-9A-Za-z:_.\\-][0-9A-Za-z:_.\\@-]*$/
/** The same with what patterns are made of. */
const ALLOWED = /^[0-9A-Za-z:_.\\@*?[\]!^-]+$/
const TEMPLATE = /^([^@]+)@(\.[a-z]+)$/
/** UNIT_NAME_MAX of systemd, less its final NUL. */
export const LONGEST_UNIT_NAME = 255

/** The name with its type: a bare name is a service, whatever dots it has; a pattern that ends in `.*` stands for any type. */
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

/** `sink@ttys1.service` -> true: such a unit has no file of its own. */
export function isInstance(name: string): boolean {
  return name.includes('@')
}

/** The pattern of a template's instances (`sink@.service` -> `sink@*.service`); any other name as it is. */
export function instancesOf(name: string): string {
  return name.replace(TEMPLATE, '$1@*$2')
}

/**
 * The full name or pattern: a bare name is a service, whatever dots it has (`edger.endries` -> `edger.endries.service`);
 * a pattern that ends in `.*` stands for any type.
 */
export function unitName(text: string): Parsed<string> {
  const bare = text.trim()
  if (bare === '') return { wrong: 'is empty: write a unit name' }
  if (bare.includes('/')) return { wrong: `is a path: write the unit name that 'systemctl status ${bare}' shows` }
  if (!ALLOWED.test(bare)) {
    const bad = [...bare].find((letter) => !ALLOWED.test(letter)) ?? ''
    return { wrong: `is not a unit name: ${JSON.stringify(bad)} cannot be in one` }
  }
  const name = fullName(bare)
  if (name.length > LONGEST_UNIT_NAME)
    return { wrong: `is longer than the ${LONGEST_UNIT_NAME} characters that systemd allows` }
  if (name.startsWith('.')) return { wrong: 'is not a unit name: nothing stands before its type' }
  if (/@\.[a-z]+$/.test(name)) {
    return { wrong: `is a template: write ${name.replace('@.', '@*.')} for its instances` }
  }
  return { value: name }
}
