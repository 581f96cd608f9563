// Converts unit names to D-Bus object paths and back. Pure.
const UNITS = '/org/freedesktop/systemd1/unit/'

/** The object path of a unit, escaped as systemd's bus_label_escape() does. */
export function unitPath(name: string): string {
  const label = Array.from(Buffer.from(name, 'utf8'), (byte, i) => {
    const letter = String.fromCharCode(byte)
    const kept = i === 0 ? /[A-Za-z]/ : /[0-9A-Za-z]/
    return kept.test(letter) ? letter : `_${byte.toString(16).padStart(2, '0')}`
  }).join('')
  return UNITS + (label === '' ? '_' : label)
}

/** The unit name of an object path; null if it is not the path of a unit. Invalid escapes are kept as they are. */
export function unitAt(path: string): string | null {
  if (!path.startsWith(UNITS)) return null
  const label = path.slice(UNITS.length)
  if (label === '' || label.includes('/')) return null
  if (label === '_') return ''
  return label.replace(/_([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
