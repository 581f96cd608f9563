// Parses web_config_file: TLS, basic auth and rate limit, as defined by Prometheus' exporter-toolkit. Pure.
import type { SecureContextOptions } from 'node:tls'
import { messageOf } from '../../core/error-text.ts'
import {
  CIPHERS,
  CLIENT_CERT_POLICIES,
  type ClientCertPolicy,
  CURVES,
  TLS13_CIPHERS,
  VERSIONS,
} from './go-tls-names.ts'
import { readFields, type YamlFields } from './yaml-fields.ts'

export interface TlsConfig {
  /** For tls.createSecureContext. */
  readonly context: SecureContextOptions
  readonly clients: ClientCertPolicy
  /** A client's certificate must contain one of these names; an empty list allows any. */
  readonly allowedSans: readonly string[]
}

export interface WebConfig {
  /** Null: plain HTTP. */
  readonly tls: TlsConfig | null
  readonly headers: Readonly<Record<string, string>>
  /** bcrypt hashes by user; empty: no password is required. */
  readonly users: ReadonlyMap<string, string>
  readonly rateLimit: { readonly everyMs: number; readonly burst: number } | null
}

const TLS_FIELDS: readonly string[] = [
  'cert',
  'key',
  'client_ca',
  'cert_file',
  'key_file',
  'client_ca_file',
  'client_auth_type',
  'client_allowed_sans',
  'min_version',
  'max_version',
  'cipher_suites',
  'prefer_server_cipher_suites',
  'curve_preferences',
]

/** Headers that may be set, with the values allowed for each; an empty list allows any. */
const HEADERS: Readonly<Record<string, readonly string[]>> = {
  'Strict-Transport-Security': [],
  'X-Content-Type-Options': ['nosniff'],
  'X-Frame-Options': ['deny', 'sameorigin'],
  'X-XSS-Protection': [],
  'Content-Security-Policy': [],
}

/** `file`: its name in error messages. `read`: returns the text of a file that it names. Throws a `ConfigFileError`. */
export function parseWebConfig(text: string, file: string, read: (path: string) => string): WebConfig {
  const sections = ['tls_server_config', 'http_server_config', 'basic_auth_users', 'rate_limit']
  const root = readFields(text, file, sections)
  return {
    tls: root.has('tls_server_config') ? tlsOf(root.map('tls_server_config', TLS_FIELDS), read) : null,
    headers: headersOf(root.map('http_server_config', ['http2', 'headers'])),
    users: usersOf(root),
    rateLimit: rateLimitOf(root.map('rate_limit', ['interval', 'burst'])),
  }
}

function tlsOf(tls: YamlFields, read: (path: string) => string): TlsConfig | null {
  if (!TLS_FIELDS.some((name) => tls.has(name))) return null
  const cert = pemOf(tls, 'cert', read)
  const key = pemOf(tls, 'key', read)
  if (cert === null) throw tls.error('tls_server_config requires cert_file or cert')
  if (key === null) throw tls.error('tls_server_config requires key_file or key')
  const ca = pemOf(tls, 'client_ca', read)
  const clients = oneOf(tls, 'client_auth_type', CLIENT_CERT_POLICIES) ?? 'none'
  if (ca !== null && clients === 'none')
    throw tls.at('client_ca_file').error('client_ca_file has no effect without client_auth_type')
  const allowedSans = tls.list('client_allowed_sans')
  if (allowedSans.length > 0 && clients !== 'any' && clients !== 'valid') {
    const message = 'client_allowed_sans requires RequireAnyClientCert or RequireAndVerifyClientCert'
    throw tls.at('client_allowed_sans').error(message)
  }
  const ciphers = someOf(tls, 'cipher_suites', CIPHERS)
  const curves = someOf(tls, 'curve_preferences', CURVES)
  return {
    clients,
    allowedSans,
    context: {
      cert,
      key,
      ...(ca === null ? {} : { ca }),
      minVersion: oneOf(tls, 'min_version', VERSIONS) ?? 'TLSv1.2',
      maxVersion: oneOf(tls, 'max_version', VERSIONS) ?? 'TLSv1.3',
      ...(ciphers.length > 0 ? { ciphers: [...new Set([...TLS13_CIPHERS, ...ciphers])].join(':') } : {}),
      ...(curves.length > 0 ? { ecdhCurve: curves.join(':') } : {}),
      honorCipherOrder: tls.bool('prefer_server_cipher_suites') ?? true,
    },
  }
}

/** PEM text, inline or from the file that `<name>_file` names; null if neither is set. */
function pemOf(tls: YamlFields, name: 'cert' | 'key' | 'client_ca', read: (path: string) => string): string | null {
  const inline = tls.text(name)
  const path = tls.text(`${name}_file`)
  if (inline !== null && path !== null) throw tls.at(name).error(`${name} and ${name}_file are mutually exclusive`)
  if (path === null) return inline === null ? null : String((tls.at(name).node as { value?: unknown } | null)?.value)
  try {
    return read(path)
  } catch (error) {
    throw tls.at(`${name}_file`).error(`${name}_file: ${messageOf(error)}`)
  }
}

/** OpenSSL's word for Go's in this field; null if the field is absent. */
function oneOf<T extends string>(tls: YamlFields, name: string, known: Readonly<Record<string, T>>): T | null {
  const written = tls.text(name)
  return written === null ? null : translate(tls, name, written, known)
}

function someOf<T extends string>(tls: YamlFields, name: string, known: Readonly<Record<string, T>>): T[] {
  return tls.list(name).map((written) => translate(tls, name, written, known))
}

function translate<T extends string>(
  tls: YamlFields,
  name: string,
  written: string,
  known: Readonly<Record<string, T>>,
): T {
  const value = Object.hasOwn(known, written) ? known[written] : undefined
  if (value !== undefined) return value
  throw tls.at(name).error(`${name} must be one of ${Object.keys(known).join(', ')}, not ${JSON.stringify(written)}`)
}

/** `http2` is accepted without effect: the server speaks HTTP/1.1. */
function headersOf(http: YamlFields): Readonly<Record<string, string>> {
  http.bool('http2')
  const headers: Record<string, string> = {}
  for (const [name, value] of http.texts('headers')) {
    const values = Object.hasOwn(HEADERS, name) ? HEADERS[name] : undefined
    if (values === undefined) {
      const message = `header must be one of ${Object.keys(HEADERS).join(', ')}, not ${JSON.stringify(name)}`
      throw http.at('headers').error(message)
    }
    if (values.length > 0 && value !== '' && !values.includes(value))
      throw http.at('headers').error(`${name} must be ${values.join(' or ')}, not ${JSON.stringify(value)}`)
    if (/[^\t\x20-\x7e]/.test(value))
      throw http.at('headers').error(`${name} contains characters that are not allowed in a header`)
    if (value !== '') headers[name] = value
  }
  return headers
}

function usersOf(root: YamlFields): ReadonlyMap<string, string> {
  const users = root.texts('basic_auth_users')
  for (const [user, hash] of users) {
    if (!/^\$2[abxy]?\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(hash))
      throw root.at('basic_auth_users').error(`the password of ${JSON.stringify(user)} must be a bcrypt hash`)
  }
  return users
}

function rateLimitOf(limit: YamlFields): WebConfig['rateLimit'] {
  const interval = limit.text('interval')
  const burst = Number(limit.text('burst') ?? 0)
  if (!Number.isSafeInteger(burst) || burst < 0) throw limit.at('burst').error('burst must be a whole number')
  if (interval === null || interval === '0') return null
  const everyMs = durationMs(interval)
  if (everyMs === null)
    throw limit.at('interval').error(`interval must be a duration such as 1s, not ${JSON.stringify(interval)}`)
  return everyMs === 0 ? null : { everyMs, burst }
}

/** A duration in Go's notation: `1s`, `1m30s`, `500ms`; null if it is malformed. */
function durationMs(text: string): number | null {
  const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
  if (!/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return null
  const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)
  return [...parts].reduce((sum, [, number, unit]) => sum + Number(number) * (unitMs[unit ?? ''] ?? 0), 0)
}
