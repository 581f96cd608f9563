// Parses D-Bus server addresses (D-Bus specification, "Server Addresses") into the sockets to try, in order. Pure.

/** One address as written, and its socket path; a leading NUL means Linux's abstract namespace (unix(7)). */
export interface BusAddress {
  readonly address: string
  readonly path: string
}

/** The usable sockets of an address list (`a;b`). Throws with a message for the user if there is none. */
export function busSockets(list: string): BusAddress[] {
  const problems: string[] = []
  const sockets: BusAddress[] = []
  for (const address of list.split(';').filter((part) => part !== '')) {
    const socket = busSocket(address)
    if ('problem' in socket) problems.push(`${address}: ${socket.problem}`)
    else sockets.push(socket)
  }
  if (sockets.length === 0)
    throw new Error(`no usable bus address in "${list}"${problems.map((p) => `; ${p}`).join('')}`)
  return sockets
}

function busSocket(address: string): BusAddress | { readonly problem: string } {
  const colon = address.indexOf(':')
  if (colon < 0) return { problem: 'has no transport (expected unix:path=...)' }
  const transport = address.slice(0, colon)
  if (transport !== 'unix') return { problem: `transport "${transport}" is not supported (only unix is)` }
  for (const pair of address.slice(colon + 1).split(',')) {
    const equals = pair.indexOf('=')
    const key = pair.slice(0, equals)
    if (key !== 'path' && key !== 'abstract') continue
    const value = unescaped(pair.slice(equals + 1))
    if (value === null || value === '') return { problem: `has an invalid ${key}` }
    if (/[:;,=]/.test(value)) return { problem: 'socket paths containing : ; , or = are not supported' } // dbus-next splits at these
    if (Buffer.byteLength(value) > 107) return { problem: 'its socket path is longer than 107 bytes' } // sun_path, unix(7)
    return { address, path: key === 'abstract' ? `\0${value}` : value }
  }
  return { problem: 'has neither path= nor abstract=' }
}

/** `%2f` -> `/`; null if an escape is invalid. */
function unescaped(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}
