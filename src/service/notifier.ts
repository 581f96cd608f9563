// Tells systemd how the service is: ready, reloading, stopping, alive, and a status line that is sent when it is another.
import { messageOf } from '../core/error-text.ts'
import type { Clock, Log } from '../ports.ts'
import type { SdNotify } from './sd-notify.ts'
import { ALIVE, READY, reloadingAssignments, STOPPING, statusAssignment } from './sd-notify.ts'

/** A message may cost a process: what changes all the time is told this often. */
const STATUS_AT_MOST_EVERY_MS = 5000
/** Above this systemd takes none: what is new matters more. */
const WAITING_AT_MOST = 8

export interface Notifier {
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

export interface NotifierOptions {
  readonly sdNotify: SdNotify
  /** The line for `systemctl status`. */
  readonly status: () => string
  readonly clock: Clock
  readonly log: Log
}

/** Messages go one at a time, in order. Nothing here throws. */
export function createNotifier({ sdNotify, status: line, clock, log }: NotifierOptions): Notifier {
  const waiting: (readonly string[])[] = []
  let telling: Promise<void> | null = null
  let told = ''
  let toldAtMonoMs = -Infinity
  let undoLook: (() => void) | null = null
  let isReady = false
  let isStopping = false
  let failing = false

  const empty = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        await sdNotify(next)
        if (failing) log('info', 'systemd: can be told again')
        failing = false
      } catch (error) {
        if (!failing) log('warning', `systemd: cannot be told: ${messageOf(error)}`)
        failing = true
        told = ''
      }
    }
    telling = null
  }

  const say = (message: readonly string[]) => {
    if (waiting.length >= WAITING_AT_MOST) waiting.shift()
    waiting.push(message)
    telling ??= empty()
  }

  /** The status line if it is another than systemd has. */
  const news = (): readonly string[] => {
    const now = statusAssignment(line())
    if (now === told) return []
    told = now
    toldAtMonoMs = clock.now().monoMs
    return [now]
  }

  const look = () => {
    undoLook = null
    const changes = news()
    if (changes.length > 0) say(changes)
  }

  return {
    ready() {
      if (isStopping) return
      isReady = true
      say([READY, ...news()])
    },
    reloading() {
      if (!isStopping) say(reloadingAssignments(clock.now().monoMs))
    },
    stopping() {
      if (isStopping) return
      isStopping = true
      undoLook?.()
      waiting.splice(0)
      say([STOPPING])
    },
    alive() {
      if (!isStopping) say([ALIVE, ...news()])
    },
    changed() {
      if (!isReady || isStopping) return
      const wait = toldAtMonoMs + STATUS_AT_MOST_EVERY_MS - clock.now().monoMs
      undoLook ??= clock.after(Math.max(0, wait), look)
    },
    async stop() {
      isStopping = true
      undoLook?.()
      while (telling !== null) await telling
    },
  }
}
