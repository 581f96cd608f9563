// The message-bus interface that the rest of the source uses: calls, signals, errors.
import type { MessageHeader } from './message-header.ts'

export interface Call {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly unknown[]
  readonly timeoutMs?: number
  /** Let the bus start the service that owns the name; by default no call starts anything. */
  readonly autoStart?: boolean
}

export interface Signal {
  readonly path: string
  readonly interface: string
  readonly member: string
  /** The unique name of the sender, set by the bus. Check it: any client may send us a signal. */
  readonly sender: string
  /** The sender's number of this message. */
  readonly serial: number
  readonly body: Body
}

/** Values as decoded, variants included: `plain` opens the few that are needed out of hundreds in a message. */
export type Body = readonly unknown[]

export interface Bus {
  readonly uniqueName: string
  /** Makes a call; `onReply` is called synchronously, at the reply's position in the message stream. Never throws. */
  request(call: Call, onReply: (error: Error | null, body: Body) => void): void
  /** The same as a promise of plain values, which settles after the messages already received. Rejects with a `BusError`. */
  call(
    destination: string,
    path: string,
    face: string,
    member: string,
    signature?: string,
    body?: readonly unknown[],
    timeoutMs?: number,
  ): Promise<unknown[]>
  addMatch(rule: string): Promise<void>
  /** Listeners are called synchronously, in order. A signal that no listener `wants` is dropped without decoding it. */
  onSignal(listener: (signal: Signal) => void, wants?: (head: MessageHeader) => boolean): () => void
  /** Called once with the reason, after pending calls have been rejected; also after `close`. */
  onClose(listener: (reason: string) => void): () => void
  /** The reason is passed to the `onClose` listeners; if called again, the first reason is kept. */
  close(reason?: string): void
}

/** An error reply from the bus or the called service, or our own `closed` and `timeout`. */
export interface BusError extends Error {
  /** For example `org.freedesktop.DBus.Error.AccessDenied`. */
  readonly errorName: string
}

export function busError(errorName: string, message: string): BusError {
  return Object.assign(new Error(message), { errorName })
}

/** The D-Bus error name; '' if `error` is not a `BusError`. */
export function errorNameOf(error: unknown): string {
  return error instanceof Error && 'errorName' in error && typeof error.errorName === 'string' ? error.errorName : ''
}

/** Whether the call failed because its destination or the bus left, and not because of the call itself. */
export function isGone(error: unknown): boolean {
  return GONE.has(errorNameOf(error))
}
const GONE = new Set([
  'closed',
  'org.freedesktop.DBus.Error.Disconnected',
  'org.freedesktop.DBus.Error.NameHasNoOwner',
  'org.freedesktop.DBus.Error.NoReply',
  'org.freedesktop.DBus.Error.ServiceUnknown',
])
