// What the rest of this folder knows of a message bus.
import type { MessageHeader } from './message-header.ts'

export interface Call {
  readonly destination: string
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly signature?: string
  readonly body?: readonly unknown[]
  readonly timeoutMs?: number
  /** Let the bus start the program that owns the name; by default nothing is ever started. */
  readonly autoStart?: boolean
}

export interface Signal {
  readonly path: string
  readonly interface: string
  readonly member: string
  /** The unique name of the sender, set by the bus: anyone may send us a signal. */
  readonly sender: string
  readonly body: Body
}

/** As decoded, to be opened with `plain` where needed: of hundreds of variants in a message a few are looked at. */
export type Body = readonly unknown[]

export interface Bus {
  readonly uniqueName: string
  /** Calls and tells the answer synchronously, at its place in the stream of messages. Never throws. */
  request(call: Call, answered: (error: Error | null, body: Body) => void): void
  /** The same as a promise of plain values; it settles after what is at hand has been read. Rejects with a `BusError`. */
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
  /** A signal that no listener `wants` is dropped undecoded. Called synchronously, in order. */
  onSignal(listener: (signal: Signal) => void, wants?: (head: MessageHeader) => boolean): () => void
  /** Called once, with the reason in words; pending calls have been rejected by then. Also after `close`. */
  onClose(listener: (reason: string) => void): () => void
  /** The reason is for those who listen to the end; a first one stays. */
  close(reason?: string): void
}

/** An error that the bus or the called program answered, or `closed` and `timeout` of our own. */
export interface BusError extends Error {
  /** As `org.freedesktop.DBus.Error.AccessDenied`. */
  readonly errorName: string
}

export function busError(errorName: string, message: string): BusError {
  return Object.assign(new Error(message), { errorName })
}

/** The D-Bus name of an error, '' for any other. */
export function errorNameOf(error: unknown): string {
  return error instanceof Error && 'errorName' in error && typeof error.errorName === 'string' ? error.errorName : ''
}

/** The other side, or the bus, left: nothing is wrong with the call. */
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
