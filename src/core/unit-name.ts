// Unit names as people write them, made into the full names and patterns that systemd knows.

/** The outcome of reading a text: the value, or why it is none (worded to follow the value). */
export type Parsed<T> = { readonly value: T } | { readonly wrong: string }

const TYPES = 'service|socket|device|mount|automount|swap|target|path|timer|slice|scope'
const TYPED = new RegExp(`\\.(${TYPES})$`)
/** systemd.unit(5): letters, digits and `:-_.\@`; the rest belongs to patterns. */
const ALLOWED = /^[A-Za-z0-9:_.\\@*?[\]!^-]+$/
/** UNIT_NAME_MAX of systemd, with its final zero. */
const LONGEST = 255

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
  const name = TYPED.test(bare) || bare.endsWith('.*') ? bare : `${bare}.service`
  if (name.length > LONGEST) return { wrong: `is longer than the ${LONGEST} characters that systemd allows` }
  if (name.startsWith('.')) return { wrong: 'is not a unit name: nothing stands before its type' }
  if (/@\.[a-z]+$/.test(name)) {
    return { wrong: `is a template: write ${name.replace('@.', '@*.')} for its instances` }
  }
  return { value: name }
}
