// Opens the stream to the broker: TCP, TLS with verification of names and certificates, or a Unix socket. Files are
// read at each attempt, so that passwords and certificates may change while the agent runs.
import { connect as connectTcp, isIP } from 'node:net'
import type { Duplex } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import { type CredentialFiles, readCertificates, readFirstLine } from '../../credentials/files.ts'
import type { BrokerUrl } from './broker-url.ts'

/** Errors of the network come as events of the stream. Rejects if a file cannot be read. */
export async function dial({ address }: BrokerUrl, files: CredentialFiles): Promise<Duplex> {
  // noDelay: an event must not wait for the acknowledgement of the previous one
  if (address.kind === 'tls') {
    const tls = await import('node:tls') // loaded only when needed: it costs memory
    const checkServerIdentity: ConnectionOptions['checkServerIdentity'] = (_, certificate) =>
      tls.checkServerIdentity(address.host, certificate) // without the zone
    return tls.connect({ ...tlsOptions(address.host, files), checkServerIdentity, ...target(address) }).setNoDelay(true)
  }
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
  return readFirstLine('mqtt.password_file', password_file)
}

function target({ host, zone, port }: { host: string; zone: string | null; port: number }) {
  return { host: zone === null ? host : `${host}%${zone}`, port }
}

function tlsOptions(host: string, files: CredentialFiles): ConnectionOptions {
  return {
    rejectUnauthorized: true,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...readCertificates('mqtt', files),
  }
}
