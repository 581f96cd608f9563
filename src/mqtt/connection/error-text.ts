// Why a connection could not be made or is no more, in words that say what to look at.
import { messageOf } from '../../core/error-text.ts'

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: nothing listens there',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOENT: 'no such socket',
  EACCES: 'no permission to use the socket',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name server does not answer',
  EHOSTUNREACH: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ETIMEDOUT: 'no answer in time',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself: see mqtt.ca_file',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority: see mqtt.ca_file',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority: see mqtt.ca_file',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is signed by an unknown authority: see mqtt.ca_file',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet: is the clock right?',
}

/** Reason codes of CONNACK that a user name or a password would mend: 3.1.1 [table 3.1] and 5.0 [table 3-1]. */
const CREDENTIALS: readonly unknown[] = [4, 5, 134, 135]

/** MQTT refuses the version: 3.1.1 return code 1, 5.0 reason code 132. */
const VERSION: readonly unknown[] = [1, 132]

export const REFUSED = WORDS['ECONNREFUSED'] ?? ''

export interface ConnectionError {
  readonly text: string
  /** The broker does not speak this version of MQTT. */
  readonly version: boolean
}

export function connectionErrorOf(error: unknown): ConnectionError {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const message = messageOf(error)
  const text =
    (typeof code === 'string' ? WORDS[code] : undefined) ?? message.replace(/^Connection refused: /, 'refused: ')
  const hint = CREDENTIALS.includes(code) ? ' (see mqtt.username and mqtt.password_file)' : ''
  return { text: `${text || String(code)}${hint}`, version: VERSION.includes(code) }
}
