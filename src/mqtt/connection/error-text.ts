// Messages for connection errors, with the probable cause or the setting to check.
import { messageOf } from '../../core/error-text.ts'

const TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused (nothing is listening there)',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOENT: 'no such socket',
  EACCES: 'permission denied on the socket',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'name server does not respond',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'connection timed out',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed; set mqtt.ca_file',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority; set mqtt.ca_file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority; set mqtt.ca_file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an unknown authority; set mqtt.ca_file',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet (is the clock of this device correct?)',
}

/** CONNACK codes that point to user name or password: 3.1.1 [table 3.1] and 5.0 [table 3-1]. */
const CREDENTIALS: readonly unknown[] = [4, 5, 134, 135]

/** CONNACK codes for an unsupported version: 3.1.1 return code 1, 5.0 reason code 132. */
const VERSION: readonly unknown[] = [1, 132]

/** CONNACK code of MQTT 5 for a retained Will that the broker does not support. */
const RETAIN = 154

/** The usual error while a broker restarts. */
export const REFUSED = TEXTS['ECONNREFUSED'] ?? ''

export interface ConnectionError {
  readonly text: string
  /** The broker does not support this version of MQTT. */
  readonly version: boolean
  /** The broker does not support retained messages, so it refuses a Will that is one. */
  readonly retain?: boolean
}

export function connectionErrorOf(error: unknown): ConnectionError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const message = messageOf(error)
  const text =
    (typeof code === 'string' ? TEXTS[code] : undefined) ?? message.replace(/^Connection refused: /, 'refused: ')
  const hint = CREDENTIALS.includes(code) ? ' (see mqtt.username and mqtt.password_file)' : ''
  return { text: `${text || String(code)}${hint}`, version: VERSION.includes(code), retain: code === RETAIN }
}
