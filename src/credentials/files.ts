// Reads the files of a connection: passwords, tokens and certificates. The MQTT sink and remote write share it.
import { readFileSync, statSync } from 'node:fs'
import { messageOf } from '../core/error-text.ts'

export interface CertificateFiles {
  readonly ca_file: string | null
  readonly cert_file: string | null
  readonly key_file: string | null
}

export interface CredentialFiles extends CertificateFiles {
  readonly password_file: string | null
}

/** What node:tls takes; without `ca`, Node's own list of authorities applies. */
export interface ReadCertificates {
  readonly ca?: Buffer
  readonly cert?: Buffer
  readonly key?: Buffer
}

/** The system's trusted certificates, in the places that distributions use. */
const SYSTEM_CA_FILES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/cert.pem']

/** Throws if a file cannot be read. `section` of the configuration, for the message: `mqtt`. */
export function readCertificates(section: string, files: CertificateFiles): ReadCertificates {
  const { ca_file, cert_file, key_file } = files
  const ca = ca_file === null ? systemCertificates() : readCredential(`${section}.ca_file`, ca_file)
  return {
    ...(ca === null ? {} : { ca }),
    ...(cert_file === null ? {} : { cert: readCredential(`${section}.cert_file`, cert_file) }),
    ...(key_file === null ? {} : { key: readCredential(`${section}.key_file`, key_file) }),
  }
}

/** The first line of the file of the key, such as `mqtt.password_file`. Throws if the file cannot be read. */
export function readFirstLine(key: string, path: string): string {
  return readCredential(key, path).toString('utf8').split(/\r?\n/, 1)[0] ?? ''
}

function systemCertificates(): Buffer | null {
  for (const path of SYSTEM_CA_FILES) {
    try {
      return readFileSync(path)
    } catch {} // another distribution's path
  }
  return null
}

function readCredential(key: string, path: string): Buffer {
  try {
    if (!statSync(path).isFile()) throw new Error('not a regular file') // a pipe would block the agent
    return readFileSync(path)
  } catch (cause) {
    const why = cause instanceof Error && 'code' in cause ? String(cause.code) : messageOf(cause)
    throw new Error(`cannot read ${key} ${path} (${why})`, { cause })
  }
}
