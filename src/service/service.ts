// The agent as a service of systemd (Type=notify): ready, reloading and stopping states, status line, watchdog.
import type { Clock, Env, EventSink, Log, UnitSource } from '../ports.ts'
import { createNotifier } from './notifier.ts'
import { notifyTransport, type SdNotify, sdNotifyOver, watchdogMs } from './sd-notify.ts'
import { startWatchdog } from './watchdog.ts'

/** Twice the distance at which the bus is asked for a sign of life. */
const REPLY_IS_RECENT_MS = 45_000

interface ServiceOptions {
  readonly env: Env
  readonly pid: number
  /** The line for `systemctl status`. */
  readonly status: () => string
  readonly bus: Pick<UnitSource, 'health' | 'lastReplyAtMonoMs'>
  readonly clock: Clock
  readonly log: Log
  /** How systemd is told; by the environment unless given. */
  readonly sdNotify?: SdNotify
}

/** It is a sink so that the status line follows the units, and so that it ends with the others. */
export interface Service extends EventSink {
  /** Running; for the first time, or again after `reloading`. */
  ready(): void
  reloading(): void
  stopping(): void
}

/** Does nothing where no systemd listens (no NOTIFY_SOCKET). Nothing here throws. */
export function createService({ env, pid, status, bus, clock, log, sdNotify }: ServiceOptions): Service {
  const transport = notifyTransport(env, pid)
  if (transport === null) return NO_SERVICE
  const notifier = createNotifier({ sdNotify: sdNotify ?? sdNotifyOver(transport), status, clock, log })
  const timeoutMs = watchdogMs(env, pid)
  let undoWatchdog: (() => void) | null = null

  const problem = (): string | null => {
    const health = bus.health()
    if (health.problem !== null) return `bus: ${health.problem}`
    const repliedAtMonoMs = bus.lastReplyAtMonoMs()
    const isRecent = repliedAtMonoMs !== null && clock.now().monoMs - repliedAtMonoMs <= REPLY_IS_RECENT_MS
    return isRecent ? null : 'bus: it has not answered for a while'
  }

  /** A bus that is lost is no step of any unit: the status line learns of it here. */
  const check = (): string | null => {
    notifier.changed()
    return problem()
  }

  return {
    ready() {
      notifier.ready()
      if (timeoutMs !== null)
        undoWatchdog ??= startWatchdog({ timeoutMs, problem: check, feed: notifier.alive, clock, log })
    },
    reloading: notifier.reloading,
    stopping() {
      undoWatchdog?.()
      notifier.stopping()
    },
    accept({ before, after }) {
      if (before.units !== after.units) notifier.changed()
    },
    async stop() {
      undoWatchdog?.()
      await notifier.stop()
    },
  }
}

const NO_SERVICE: Service = {
  ready() {},
  reloading() {},
  stopping() {},
  accept() {},
  async stop() {},
}
