// Value types of the configuration with their own text syntax: units, addresses, URLs, names, paths.
import { isIP } from 'node:net'
import * as v from 'valibot'
import { type Parsed, unitName } from '../core/unit-name.ts'
import { withoutZone } from '../core/url-zone.ts'
import { textType, type ValueType } from './value-types.ts'

export const unit: ValueType<string> = textType('a unit name', unitName)

export const path: ValueType<string> = textType('the path of a file', pathOf)

function pathOf(text: string): Parsed<string> {
  if (text === '') return { wrong: 'is empty, expected the path of a file' }
  if (text.includes('\0')) return { wrong: 'contains a zero byte' }
  return text.endsWith('/') ? { wrong: 'is a directory, expected the path of a file' } : { value: text }
}

/** sockaddr_un.sun_path of unix(7) without the final zero byte. The kernel would get the beginning of a longer path. */
const SOCKET_PATH_AT_MOST = 107

export const socketPath: ValueType<string> = textType('the path of a socket', (text) => {
  const bytes = new TextEncoder().encode(text).length
  return bytes > SOCKET_PATH_AT_MOST
    ? { wrong: `is longer than ${SOCKET_PATH_AT_MOST} bytes, the limit for the path of a socket` }
    : pathOf(text)
})

/** One line of text, without control characters. */
export const line: ValueType<string> = textType('one line of text', (text) =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the expression looks for control characters
  /[\u0000-\u001f\u007f]/.test(text) ? { wrong: 'contains a control character' } : { value: text },
)

/** Valid in MQTT topics, metric labels and file names. */
export const gatewayId: ValueType<string> = textType(
  'made of letters, digits, "_", "-" and "." (1 to 128 characters)',
  (text) =>
    /^[A-Za-z0-9_.-]{1,128}$/.test(text)
      ? { value: text }
      : { wrong: 'is not made of letters, digits, "_", "-" and "." (1 to 128 characters)' },
)

const HOST = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/

export const host: ValueType<string> = textType('a host name or an IP address', (text) => {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) || HOST.test(bare)
    ? { value: bare.toLowerCase() }
    : { wrong: 'is not a host name or an IP address' }
})

/** The target of datagrams: `HOST[:PORT]`; the value always has a port. */
export const hostPort: ValueType<string> = textType('a host and port such as 192.168.1.5:8125', (text) => {
  const [, name = '', port = '8125'] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? []
  const bare = name.replace(/^\[(.*)\]$/, '$1')
  const good = (isIP(bare) || HOST.test(bare)) && Number(port) >= 1 && Number(port) <= 65_535
  return good ? { value: `${name}:${port}` } : { wrong: 'is not a host and port such as 192.168.1.5:8125' }
})

/** An address to listen on, without its port (see `splitListen`). */
export const address: ValueType<string> = textType('an address with an optional :PORT', (text) => {
  const bare = text.replace(/^\[(.*)\]$/, '$1')
  if (/^\d+$/.test(bare)) return { wrong: `is not an address; use ":${bare}" for port ${bare} on all addresses` }
  return isIP(bare) || HOST.test(bare)
    ? { value: bare }
    : { wrong: 'is not an address such as 127.0.0.1, [::1]:9100, :9100' }
})

/** Splits `ADDRESS:PORT`; an empty address or `*` means all addresses. Null if there is no port. */
export function splitListen(text: string): { address: string; port: string } | null {
  const cut = /^(\[[^\]]*\]|[^:[\]]*):(\d+)$/.exec(text)
  return cut ? { address: cut[1] === '*' ? '' : (cut[1] ?? ''), port: cut[2] ?? '' } : null
}

const SCHEMES = ['mqtt:', 'mqtts:', 'mqtt+unix:']

export const mqttUrl: ValueType<string> = textType('a URL such as mqtt://127.0.0.1:1883', (text): Parsed<string> => {
  if (text.startsWith('unix:')) return { wrong: 'is not an MQTT URL; for a socket use mqtt+unix:///path' }
  if (/^[^/:@]+(:\d+)?$/.test(text)) return { wrong: `is not a URL; use mqtt://${text}` }
  let url: URL
  try {
    url = new URL(withoutZone(text).url)
  } catch {
    return { wrong: 'is not a URL such as mqtt://127.0.0.1:1883' }
  }
  if (!SCHEMES.includes(url.protocol)) {
    return { wrong: 'is not an MQTT URL: it must begin with mqtt://, mqtts:// or mqtt+unix://' }
  }
  if (url.protocol === 'mqtt+unix:')
    return url.pathname.length > 1 ? { value: text } : { wrong: 'contains no socket path' }
  if (url.hostname === '') return { wrong: 'contains no host' }
  // Without a quotation: it can be a part of a password.
  if (url.pathname.length > 1) return { wrong: 'has a path, which MQTT does not use; end the URL after host and port' }
  return url.search === '' && url.hash === ''
    ? { value: text }
    : { wrong: 'has parameters, which MQTT does not use; end the URL after host and port' }
})

export const topic: ValueType<string> = textType('a topic such as "gatewatch/gw-7/bridge"', topicOf)

/** `$` is reserved for the broker. */
export const topicPrefix: ValueType<string> = textType('a topic such as "gatewatch"', (text) =>
  text.startsWith('$') ? { wrong: 'begins with "$", which is reserved for the broker' } : topicOf(text),
)

/** MQTT 3.1.1, 4.7: no wildcards in the topic of a publication. No empty levels here. */
function topicOf(text: string): Parsed<string> {
  if (/[#+\0]/.test(text)) return { wrong: 'contains "#" or "+", which are MQTT wildcards' }
  if (text.length > 128) return { wrong: 'is longer than 128 characters' }
  return text.split('/').includes('')
    ? { wrong: 'has an empty level: remove "/" at its start or end and "//"' }
    : { value: text }
}

/** D-Bus specification, "Server Addresses". */
export const busAddress: ValueType<string> = textType(
  'a D-Bus address such as unix:path=/run/dbus/system_bus_socket',
  (text) =>
    /^[a-z0-9-]+:[^;]*(;[a-z0-9-]+:[^;]*)*;?$/.test(text)
      ? { value: text }
      : { wrong: 'is not a D-Bus address such as unix:path=/run/dbus/system_bus_socket' },
)

/** The address of a receiver over HTTP. Credentials have keys of their own. */
export const httpUrl: ValueType<string> = textType('a URL such as https://host/path', (text) => {
  if (!/^https?:\/\//i.test(text)) return { wrong: 'is not a URL that begins with http:// or https://' }
  if (!URL.canParse(text)) return { wrong: 'is not a URL such as https://host/path' }
  const { username, password, hash } = new URL(text)
  if (username !== '' || password !== '')
    return { wrong: 'contains a user name or a password; use the keys username and password_file' }
  return hash === '' ? { value: text } : { wrong: 'has a fragment (#...), which HTTP does not send' }
})

/** A selector of PromQL, of which only the shape is checked here. */
export const selector: ValueType<string> = textType('a selector such as up or {__name__=~"systemd_.*"}', (text) =>
  /^\s*[a-zA-Z_:][a-zA-Z0-9_:]*\s*$|^[^{}"'`]*\{.*\}\s*$/s.test(text)
    ? { value: text.trim() }
    : { wrong: 'is not a selector such as up or {__name__=~"systemd_.*"}' },
)

const LABELS = 'an object of labels such as { "site": "hall-3" }'
/** Mimir accepts 30 labels per series by default; those of gatewatch have up to 8. */
const LABELS_AT_MOST = 20

/** Names as in Prometheus; those that begin with two underscores are reserved. As text: `site=hall-3,rack=2`. */
export const externalLabels: ValueType<Readonly<Record<string, string>>> = {
  expected: LABELS,
  schema: v.pipe(
    v.custom<object>((value) => !Array.isArray(value), `is not ${LABELS}`),
    v.record(v.string(), v.string(`is not ${LABELS}`), `is not ${LABELS}`),
    v.rawTransform(({ dataset, addIssue, NEVER }): Readonly<Record<string, string>> => {
      const wrong = labelProblem(Object.entries(dataset.value))
      if (wrong === null) return dataset.value
      addIssue({ message: wrong })
      return NEVER
    }),
  ),
  fromText: (text) =>
    Object.fromEntries(
      text
        .split(',')
        .filter((part) => part.trim() !== '')
        .map((part) => {
          const [name = '', ...value] = part.split('=')
          return [name.trim(), value.join('=').trim()]
        }),
    ),
}

function labelProblem(labels: readonly (readonly [string, string])[]): string | null {
  if (labels.length > LABELS_AT_MOST) return `has ${labels.length} labels; the limit is ${LABELS_AT_MOST}`
  for (const [name, value] of labels) {
    if (!/^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/.test(name)) return `has a label that Prometheus does not accept: "${name}"`
    if (value === '') return `has the label "${name}" without a value`
    if (value.length > 1024) return `has a value of more than 1024 characters for the label "${name}"`
  }
  return null
}
