// Sends the service state to systemd: ready, reloading, stopping, watchdog keep-alive, and the status line on change.
import { messageOf } from '../core/error-text.ts'
import type { Clock, Log } from '../ports.ts'
import type { SdNotify } from './sd-notify.ts'
import { ALIVE, READY, reloadingAssignments, STOPPING, statusAssignment } from './sd-notify.ts'

/** When a status line that has changed is sent, if no other message carries it before. */
export interface StatusPace {
  /** So long after the change; it is not sent if it has changed back by then. */
  readonly afterMs: number
  /** So long after the line before, at the earliest. */
  readonly everyMs: number
}

/** Above this, the oldest message is dropped: newer ones matter more. */
const QUEUED_AT_MOST = 8

interface Notifier {
  /** Started, or done with `reloading`. */
  ready(): void
  reloading(): void
  /** The last message; later calls are ignored. */
  stopping(): void
  alive(): void
  /** The status line may have changed. Cheap: it is compared later, and sent only if it differs. */
  changed(): void
  /** Resolves when all queued messages were sent or have failed. */
  stop(): Promise<void>
}

interface NotifierOptions {
  readonly sdNotify: SdNotify
  /** The line for `systemctl status`. */
  readonly status: () => string
  readonly pace: StatusPace
  readonly clock: Clock
  readonly log: Log
}

/** Sends messages one at a time, in order. Never throws. */
export function createNotifier({ sdNotify, status: line, pace, clock, log }: NotifierOptions): Notifier {
  const queue: (readonly string[])[] = []
  let sending: Promise<void> | null = null
  let sentStatus = ''
  let sentAtMonoMs = -Infinity
  let cancelSend: (() => void) | null = null
  let isReady = false
  let isStopping = false
  let failing = false

  const drain = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      try {
        await sdNotify(next)
        if (failing) log('info', 'sd_notify works again')
        failing = false
      } catch (error) {
        if (!failing) log('warning', `sd_notify failed: ${messageOf(error)}`)
        failing = true
        sentStatus = ''
      }
    }
    sending = null
  }

  const send = (message: readonly string[]) => {
    if (queue.length >= QUEUED_AT_MOST) queue.shift()
    queue.push(message)
    sending ??= drain()
  }

  /** The status line, if it differs from the one last sent. */
  const newStatus = (): readonly string[] => {
    const now = statusAssignment(line())
    if (now === sentStatus) return []
    sentStatus = now
    sentAtMonoMs = clock.now().monoMs
    return [now]
  }

  const sendChange = () => {
    cancelSend = null
    const changes = newStatus()
    if (changes.length > 0) send(changes)
  }

  return {
    ready() {
      if (isStopping) return
      isReady = true
      send([READY, ...newStatus()])
    },
    reloading() {
      if (!isStopping) send(reloadingAssignments(clock.now().monoMs))
    },
    stopping() {
      if (isStopping) return
      isStopping = true
      cancelSend?.()
      queue.splice(0)
      send([STOPPING])
    },
    alive() {
      if (!isStopping) send([ALIVE, ...newStatus()])
    },
    changed() {
      if (!isReady || isStopping) return
      const wait = sentAtMonoMs + pace.everyMs - clock.now().monoMs
      cancelSend ??= clock.after(Math.max(pace.afterMs, wait), sendChange)
    },
    async stop() {
      isStopping = true
      cancelSend?.()
      while (sending !== null) await sending
    },
  }
}
