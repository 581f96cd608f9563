// Converts unit names to D-Bus object paths and back. Pure.
const UNITS = '/org/freedesktop/systemd1/unit/'
/** All but letters and digits, and a digit at the start. */
const ESCAPED = /^[0-9]|[^0-9A-Za-z]/g

/** The object path of a unit, escaped as systemd's bus_label_escape() does. */
export function unitPath(name: string): string {
  if (name === '') return `${UNITS}_`
  const bytes = /[^\0-\x7f]/.test(name) ? Buffer.from(name, 'utf8').toString('latin1') : name
  return UNITS + bytes.replace(ESCAPED, (letter) => `_${letter.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** The unit name of an object path; null if it is not the path of a unit. Invalid escapes are kept as they are. */
export function unitAt(path: string): string | null {
  if (!path.startsWith(UNITS)) return null
  const label = path.slice(UNITS.length)
  if (label === '' || label.includes('/')) return null
  if (label === '_') return ''
  return label.replace(/_([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
