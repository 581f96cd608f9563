// The file that every Prometheus exporter has for TLS and passwords (exporter-toolkit, web-configuration.md). Pure.
import type { SecureContextOptions } from 'node:tls'
import { messageOf } from '../../core/error-text.ts'
import { CIPHERS, CURVES, POLICIES, type Policy, TLS13_CIPHERS, VERSIONS } from './go-tls-names.ts'
import { type Fields, readFields } from './yaml-fields.ts'

export interface Tls {
  /** For tls.createSecureContext. */
  readonly context: SecureContextOptions
  readonly clients: Policy
  /** A client's certificate must be for one of these; any will do where there is none. */
  readonly allowedSans: readonly string[]
}

export interface WebConfig {
  /** Null: plain HTTP. */
  readonly tls: Tls | null
  readonly headers: Readonly<Record<string, string>>
  /** bcrypt hashes by user; without any nobody is asked. */
  readonly users: ReadonlyMap<string, string>
  readonly rateLimit: { readonly everyMs: number; readonly burst: number } | null
}

const TLS_FIELDS: readonly string[] = [
  ...['cert', 'key', 'client_ca', 'cert_file', 'key_file', 'client_ca_file', 'client_auth_type', 'client_allowed_sans'],
  ...['min_version', 'max_version', 'cipher_suites', 'prefer_server_cipher_suites', 'curve_preferences'],
]

/** Headers that may be set, and the only values where there are some. */
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'Strict-Transport-Security': [],
  'X-Content-Type-Options': ['nosniff'],
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-XSS-Protection': [],
  'Content-Security-Policy': [],
}

/** `file` is its name in complaints; `read` gives the text of a file that it names. Throws a `FileProblem`. */
export function parseWebConfig(text: string, file: string, read: (path: string) => string): WebConfig {
  const top = ['tls_server_config', 'http_server_config', 'basic_auth_users', 'rate_limit']
  const whole = readFields(text, file, top)
  return {
    tls: whole.has('tls_server_config') ? tlsOf(whole.map('tls_server_config', TLS_FIELDS), read) : null,
    headers: headersOf(whole.map('http_server_config', ['http2', 'headers'])),
    users: usersOf(whole),
    rateLimit: rateLimitOf(whole.map('rate_limit', ['interval', 'burst'])),
  }
}

function tlsOf(tls: Fields, read: (path: string) => string): Tls | null {
  if (!TLS_FIELDS.some((name) => tls.has(name))) return null
  const pem = (name: 'cert' | 'key' | 'client_ca'): string | null => {
    const inline = tls.text(name)
    const path = tls.text(`${name}_file`)
    if (inline !== null && path !== null) throw tls.at(name).wrong(`${name} and ${name}_file exclude each other`)
    if (path === null) return inline === null ? null : String((tls.at(name).node as { value?: unknown } | null)?.value)
    try {
      return read(path)
    } catch (error) {
      throw tls.at(`${name}_file`).wrong(`${name}_file: ${messageOf(error)}`)
    }
  }
  const one = <T extends string>(name: string, known: Readonly<Record<string, T>>): T | null => {
    const said = tls.text(name)
    if (said === null) return null
    return named(said, known) ?? refuse(tls, name, said, known)
  }
  const many = <T extends string>(name: string, known: Readonly<Record<string, T>>): T[] =>
    tls.list(name).map((said) => named(said, known) ?? refuse(tls, name, said, known))

  const cert = pem('cert')
  const key = pem('key')
  if (cert === null) throw tls.wrong('tls_server_config needs cert_file or cert')
  if (key === null) throw tls.wrong('tls_server_config needs key_file or key')
  const ca = pem('client_ca')
  const clients = one('client_auth_type', POLICIES) ?? 'none'
  if (ca !== null && clients === 'none')
    throw tls.at('client_ca_file').wrong('a client CA is of no use without client_auth_type')
  const allowedSans = tls.list('client_allowed_sans')
  if (allowedSans.length > 0 && clients !== 'any' && clients !== 'valid')
    throw tls
      .at('client_allowed_sans')
      .wrong('client_allowed_sans needs RequireAnyClientCert or RequireAndVerifyClientCert')
  const ciphers = many('cipher_suites', CIPHERS)
  const curves = many('curve_preferences', CURVES)
  return {
    clients,
    allowedSans,
    context: {
      cert,
      key,
      ...(ca === null ? {} : { ca }),
      minVersion: one('min_version', VERSIONS) ?? 'TLSv1.2',
      maxVersion: one('max_version', VERSIONS) ?? 'TLSv1.3',
      ...(ciphers.length > 0 ? { ciphers: [...new Set([...TLS13_CIPHERS, ...ciphers])].join(':') } : {}),
      ...(curves.length > 0 ? { ecdhCurve: curves.join(':') } : {}),
      honorCipherOrder: tls.bool('prefer_server_cipher_suites') ?? true,
    },
  }
}

function named<T>(said: string, known: Readonly<Record<string, T>>): T | null {
  return Object.hasOwn(known, said) ? (known[said] ?? null) : null
}

function refuse(fields: Fields, name: string, said: string, known: Readonly<Record<string, string>>): never {
  throw fields.at(name).wrong(`${name}: ${JSON.stringify(said)} is none of ${Object.keys(known).join(', ')}`)
}

/** HTTP/1.1 is what is spoken: `http2` is taken and changes nothing. */
function headersOf(http: Fields): Readonly<Record<string, string>> {
  http.bool('http2')
  const headers: Record<string, string> = {}
  for (const [name, value] of http.texts('headers')) {
    const values = Object.hasOwn(HEADERS, name) ? HEADERS[name] : undefined
    if (values === undefined)
      throw http.at('headers').wrong(`header ${JSON.stringify(name)} is none of ${Object.keys(HEADERS).join(', ')}`)
    if (values.length > 0 && value !== '' && !values.includes(value))
      throw http.at('headers').wrong(`${name} must be ${values.join(' or ')}, not ${JSON.stringify(value)}`)
    if (/[^\t\x20-\x7e]/.test(value)) throw http.at('headers').wrong(`${name} has characters that no header may have`)
    if (value !== '') headers[name] = value
  }
  return headers
}

function usersOf(whole: Fields): ReadonlyMap<string, string> {
  const users = whole.texts('basic_auth_users')
  for (const [user, hash] of users) {
    if (!/^\$2[abxy]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(hash))
      throw whole.at('basic_auth_users').wrong(`the password of ${JSON.stringify(user)} is no bcrypt hash`)
  }
  return users
}

function rateLimitOf(limit: Fields): WebConfig['rateLimit'] {
  const interval = limit.text('interval')
  const burst = Number(limit.text('burst') ?? 0)
  if (!Number.isSafeInteger(burst) || burst < 0) throw limit.at('burst').wrong('burst must be a whole number')
  if (interval === null || interval === '0') return null
  const everyMs = durationMs(interval)
  if (everyMs === null) throw limit.at('interval').wrong(`interval: ${JSON.stringify(interval)} is no duration like 1s`)
  return everyMs === 0 ? null : { everyMs, burst }
}

/** As Go writes them: `1s`, `1m30s`, `500ms`. */
function durationMs(text: string): number | null {
  const unit: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return null
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)
  return [...parts].reduce((sum, [, number, of]) => sum + Number(number) * (unit[of ?? ''] ?? 0), 0)
}
