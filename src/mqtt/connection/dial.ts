// Opens the stream to the broker: TCP, TLS with verification of names and certificates, or a Unix socket. Files are
// read at each attempt, so that passwords and certificates may change while the agent runs.
import { readFileSync, statSync } from 'node:fs'
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import { type ConnectionOptions, checkServerIdentity, connect as connectTls } from 'node:tls'
import { messageOf } from '../../core/error-text.ts'
import type { BrokerUrl } from './broker-url.ts'

export interface CredentialFiles {
  readonly password_file: string | null
  readonly ca_file: string | null
  readonly cert_file: string | null
  readonly key_file: string | null
}

/** The system's trusted certificates, in the places that distributions use; without them, Node's own list applies. */
const SYSTEM_CA_FILES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem']

/** Opens at once; errors come as events of the stream. Throws if a file cannot be read. */
export function dial({ address }: BrokerUrl, files: CredentialFiles): Duplex {
  // noDelay: an event must not wait for the acknowledgement of the previous one
  if (address.kind === 'tls')
    return connectTls({ ...tlsOptions(address.host, files), ...target(address) }).setNoDelay(true)
  const unused = (['ca_file', 'cert_file', 'key_file'] as const).find((key) => files[key] !== null)
  if (unused !== undefined) throw new Error(`mqtt.${unused} requires TLS; use mqtts:// in mqtt.url`)
  return connectTcp({
    ...(address.kind === 'unix' ? address : target(address)),
    noDelay: true,
  })
}

/** The first line of the password file if there is one, else the URL's password. Throws if the file cannot be read. */
export function readPassword(url: BrokerUrl, { password_file }: CredentialFiles): string | null {
  if (password_file === null) return url.password
  return read('password_file', password_file).toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}

function target({ host, zone, port }: { host: string; zone: string | null; port: number }) {
  return { host: zone === null ? host : `${host}%${zone}`, port }
}

function tlsOptions(host: string, files: CredentialFiles): ConnectionOptions {
  const { ca_file, cert_file, key_file } = files
  const ca = ca_file === null ? systemCertificates() : read('ca_file', ca_file)
  return {
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate), // without the zone
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === null ? {} : { ca }),
    ...(cert_file === null ? {} : { cert: read('cert_file', cert_file) }),
    ...(key_file === null ? {} : { key: read('key_file', key_file) }),
  }
}

function systemCertificates(): Buffer | null {
  for (const path of SYSTEM_CA_FILES) {
    try {
      return readFileSync(path)
    } catch {} // another distribution's path
  }
  return null
}

function read(key: string, path: string): Buffer {
  try {
    if (!statSync(path).isFile()) throw new Error('not a regular file') // a pipe would block the agent
    return readFileSync(path)
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : messageOf(cause)
    throw new Error(`cannot read mqtt.${key} ${path} (${why})`, { cause })
  }
}
