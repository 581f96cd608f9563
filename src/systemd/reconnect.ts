// Keeps one bus connection with one session on it, and reconnects with back-off after each loss.
import { messageOf } from '../core/error-text.ts'
import type { Bus } from '../dbus/bus.ts'
import type { Clock } from '../ports.ts'
import type { Session } from './session.ts'

interface ReconnectOptions {
  readonly after: Clock['after']
  /** Rejects with a message for the user; `signal` cancels the attempt. */
  readonly connect: (signal: AbortSignal) => Promise<Bus>
  readonly openSession: (bus: Bus) => Promise<Session>
  /** An attempt failed, or the connection ended, for this reason. */
  readonly onLost: (reason: string) => void
  /** The time to wait before the next attempt. */
  readonly retryAfterMs: () => number
}

interface Reconnector {
  /** Makes the first attempt. */
  start(): void
  /** Null while not connected. The session may not be open yet. */
  bus(): Bus | null
  session(): Session | null
  stop(): void
}

export function createReconnector({
  after,
  connect,
  openSession,
  onLost,
  retryAfterMs,
}: ReconnectOptions): Reconnector {
  const abort = new AbortController()
  let bus: Bus | null = null
  let session: Session | null = null
  let stopped = false
  let undoRetry = () => {}

  function lost(reason: string): void {
    session?.end()
    session = null
    bus = null
    onLost(reason)
    if (stopped) return
    undoRetry()
    undoRetry = after(retryAfterMs(), () => void open())
  }

  async function open(): Promise<void> {
    let opened: Bus
    try {
      opened = await connect(abort.signal)
    } catch (error) {
      return lost(messageOf(error))
    }
    if (stopped) return opened.close('no longer needed')
    bus = opened
    opened.onClose((reason) => {
      if (bus === opened) lost(reason)
    })
    try {
      const begun = await openSession(opened)
      if (bus === opened) session = begun
      else begun.end()
    } catch (error) {
      opened.close(messageOf(error))
    }
  }

  return {
    start: () => void open(),
    bus: () => bus,
    session: () => session,
    stop() {
      stopped = true
      undoRetry()
      abort.abort()
      session?.end()
      bus?.close('stopped')
    },
  }
}
