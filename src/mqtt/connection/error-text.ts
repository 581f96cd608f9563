// Messages for connection errors, with the probable cause or the setting to check.
import { connectionReason, messageOf } from '../../core/error-text.ts'

/** CONNACK codes that point to user name or password: 3.1.1 [table 3.1] and 5.0 [table 3-1]. */
const CREDENTIALS: readonly unknown[] = [4, 5, 134, 135]

/** CONNACK codes for an unsupported version: 3.1.1 return code 1, 5.0 reason code 132. */
const VERSION: readonly unknown[] = [1, 132]

/** CONNACK code of MQTT 5 for a retained Will that the broker does not support. */
const RETAIN = 154

/** The usual error while a broker restarts. */
export const REFUSED = connectionReason(Object.assign(new Error(), { code: 'ECONNREFUSED' }), 'mqtt') ?? ''

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
  const text = connectionReason(error, 'mqtt') ?? message.replace(/^Connection refused: /, 'refused: ')
  const hint = CREDENTIALS.includes(code) ? ' (see mqtt.username and mqtt.password_file)' : ''
  return { text: `${text || String(code)}${hint}`, version: VERSION.includes(code), retain: code === RETAIN }
}
