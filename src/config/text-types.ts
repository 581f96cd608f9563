// The value types that are texts with a grammar of their own: units, addresses, URLs, names, paths.
import { isIP } from 'node:net'
import { type Parsed, unitName } from '../core/unit-name.ts'
import { textType, type ValueType } from './value-types.ts'

export const unit: ValueType<string> = textType('a unit name', unitName)

export const path: ValueType<string> = textType('the path of a file', (text) => {
  if (text === '') return { wrong: 'is empty: write the path of a file' }
  if (text.includes('\0')) return { wrong: 'holds a zero byte' }
  return text.endsWith('/') ? { wrong: 'is a directory: write the path of a file' } : { value: text }
})

/** One line of text, without control characters. */
export const line: ValueType<string> = textType('one line of text', (text) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f]/.test(text) ? { wrong: 'holds a control character' } : { value: text },
)

/** What MQTT topics, metrics labels and file names all bear. */
export const gatewayId: ValueType<string> = textType('made of letters, digits, "_", "-", "." (at most 128)', (text) =>
  /^[A-Za-z0-9_.-]{1,128}$/.test(text)
    ? { value: text }
    : { wrong: 'is not made of letters, digits, "_", "-" and "." (1 to 128 of them)' },
)

const HOST = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/

export const host: ValueType<string> = textType('a host name or an IP address', (text) => {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) || HOST.test(bare)
    ? { value: bare.toLowerCase() }
    : { wrong: 'is not a host name or an IP address' }
})

/** Where datagrams go: `HOST[:PORT]`, always with its port then. */
export const hostPort: ValueType<string> = textType('a host with a port like 192.168.1.5:8125', (text) => {
  const [, name = '', port = '8125'] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? []
  const bare = name.replace(/^\[(.*)\]$/, '$1')
  const good = (isIP(bare) || HOST.test(bare)) && Number(port) >= 1 && Number(port) <= 65_535
  return good ? { value: `${name}:${port}` } : { wrong: 'is not a host with a port like 192.168.1.5:8125' }
})

/** An address to listen on, its port already cut off by `splitListen`. */
export const address: ValueType<string> = textType('an address, with :PORT if wanted', (text) => {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (/^\d+$/.test(bare)) return { wrong: `is not an address: write ":${bare}" for port ${bare} on all addresses` }
  return isIP(bare) || HOST.test(bare)
    ? { value: bare }
    : { wrong: 'is not an address like 127.0.0.1, [::1]:9100, :9100' }
})

/** `ADDRESS[:PORT]` in two; the address of `:9100` and `*` is none, that is all. Null where it has no port. */
export function splitListen(text: string): { address: string; port: string } | null {
  const cut = /^(\[[^\]]*\]|[^:[\]]*):(\d+)$/.exec(text)
  return cut ? { address: cut[1] === '*' ? '' : (cut[1] ?? ''), port: cut[2] ?? '' } : null
}

const SCHEMES = ['mqtt:', 'mqtts:', 'mqtt+unix:']

export const mqttUrl: ValueType<string> = textType('a URL like mqtt://127.0.0.1:1883', (text): Parsed<string> => {
  if (text.startsWith('unix:')) return { wrong: 'is not a URL of MQTT: for a socket write mqtt+unix:///path' }
  if (/^[^/:]+(:\d+)?$/.test(text)) return { wrong: `is not a URL: write mqtt://${text}` }
  let url: URL
  try {
    url = new URL(text)
  } catch {
    return { wrong: 'is not a URL like mqtt://127.0.0.1:1883' }
  }
  if (!SCHEMES.includes(url.protocol)) {
    return { wrong: `is not a URL of MQTT: it begins with mqtt://, mqtts:// or mqtt+unix://` }
  }
  if (url.protocol === 'mqtt+unix:') return url.pathname.length > 1 ? { value: text } : { wrong: 'names no socket' }
  return url.hostname === '' ? { wrong: 'names no host' } : { value: text }
})

/** MQTT 3.1.1, 4.7: no wildcards in a topic that is published to, no empty level here, `$` is the broker's. */
export const topicPrefix: ValueType<string> = textType('a topic like "gatewatch"', (text) => {
  if (/[#+\0]/.test(text)) return { wrong: 'holds "#" or "+", which are wildcards of MQTT' }
  if (text.startsWith('$')) return { wrong: 'begins with "$", which belongs to the broker' }
  if (text.length > 128) return { wrong: 'is longer than 128 characters' }
  return text.split('/').includes('') ? { wrong: 'has an empty level: no "/" at its ends, no "//"' } : { value: text }
})

/** D-Bus specification, "Server Addresses". */
export const busAddress: ValueType<string> = textType(
  'an address of D-Bus like unix:path=/run/dbus/system_bus_socket',
  (text) =>
    /^[a-z0-9-]+:[^;]*(;[a-z0-9-]+:[^;]*)*;?$/.test(text)
      ? { value: text }
      : { wrong: 'is not an address of D-Bus like unix:path=/run/dbus/system_bus_socket' },
)
