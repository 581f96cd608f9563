// Tells systemd how the service is: ready, reloading, stopping, alive, and a status line that is sent when it is another.
import { messageOf } from '../core/error-text.ts'
import type { Clock, Log } from '../ports.ts'
import type { SdNotify } from './sd-notify.ts'
import { ALIVE, READY, reloadingAssignments, STOPPING, statusAssignment } from './sd-notify.ts'

/** A message may cost a process: what changes all the time is told this often. */
const STATUS_AT_MOST_EVERY_MS = 5000
/** Above this systemd takes none: what is new matters more. */
const QUEUED_AT_MOST = 8

interface Notifier {
  /** Running, or running again after `reloading`. */
  ready(): void
  reloading(): void
  /** The last that is said: later words are dropped. */
  stopping(): void
  alive(): void
  /** The status line may be another now. Cheap: it is looked at later, and told if it is. */
  changed(): void
  /** Resolves when what waits was told, or could not be. */
  stop(): Promise<void>
}

interface NotifierOptions {
  readonly sdNotify: SdNotify
  /** The line for `systemctl status`. */
  readonly status: () => string
  readonly clock: Clock
  readonly log: Log
}

/** Messages go one at a time, in order. Nothing here throws. */
export function createNotifier({ sdNotify, status: line, clock, log }: NotifierOptions): Notifier {
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
        if (failing) log('info', 'systemd: can be told again')
        failing = false
      } catch (error) {
        if (!failing) log('warning', `systemd: cannot be told: ${messageOf(error)}`)
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

  /** The status line if it is another than systemd has. */
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
      const wait = sentAtMonoMs + STATUS_AT_MOST_EVERY_MS - clock.now().monoMs
      cancelSend ??= clock.after(Math.max(0, wait), sendChange)
    },
    async stop() {
      isStopping = true
      cancelSend?.()
      while (sending !== null) await sending
    },
  }
}
