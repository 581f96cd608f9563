// Parses `mqtt.url`: the broker's address, the credentials, and the form without a password for logs. Pure.
import { withoutZone } from '../../core/url-zone.ts'

type BrokerAddress =
  | {
      readonly kind: 'tcp' | 'tls'
      readonly host: string
      /** The network interface of a link-local address; null if there is none. */
      readonly zone: string | null
      readonly port: number
    }
  | { readonly kind: 'unix'; readonly path: string }

export interface BrokerUrl {
  readonly address: BrokerAddress
  readonly username: string | null
  readonly password: string | null
  /** The URL without user and password. */
  readonly shown: string
  /** On this device: its unit may be among the watched ones. */
  readonly local: boolean
}

const KINDS: Readonly<Record<string, { readonly kind: 'tcp' | 'tls'; readonly port: number }>> = {
  'mqtt:': { kind: 'tcp', port: 1883 },
  'tcp:': { kind: 'tcp', port: 1883 },
  'mqtts:': { kind: 'tls', port: 8883 },
  'ssl:': { kind: 'tls', port: 8883 },
  'tls:': { kind: 'tls', port: 8883 },
}

/** Throws an Error that states what is wrong, without the password. */
export function readBrokerUrl(text: string): BrokerUrl {
  const { url: plain, zone } = withoutZone(text)
  if (!URL.canParse(plain)) throw new Error('mqtt.url is not a URL like mqtt://127.0.0.1:1883')
  const url = new URL(plain)
  const username = url.username === '' ? null : decoded(url.username)
  const password = url.password === '' ? null : decoded(url.password)
  if (url.protocol === 'mqtt+unix:' || url.protocol === 'unix:') {
    const path = decoded(url.pathname)
    if (path.length < 2) throw new Error('mqtt.url has no socket path; use mqtt+unix:///path')
    return { address: { kind: 'unix', path }, username, password, shown: `mqtt+unix://${path}`, local: true }
  }
  const known = KINDS[url.protocol]
  if (known === undefined) {
    throw new Error(`mqtt.url must begin with mqtt://, mqtts:// or mqtt+unix://, not ${url.protocol}//`)
  }
  if (url.hostname === '') throw new Error('mqtt.url has no host')
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = url.port === '' ? known.port : Number(url.port)
  const local = host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
  return {
    address: { kind: known.kind, host, zone, port },
    username,
    password,
    shown: `${known.kind === 'tls' ? 'mqtts' : 'mqtt'}://${zone === null ? url.hostname : `[${host}%25${zone}]`}:${port}`,
    local,
  }
}

/** Leaves the text unchanged if a `%` does not begin an escape. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
