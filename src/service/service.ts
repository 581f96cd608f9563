// The agent as a systemd service (Type=notify): ready, reloading and stopping states, status line, watchdog.
import type { Clock, Env, EventSink, Log, UnitSource } from '../ports.ts'
import { createNotifier, type StatusPace } from './notifier.ts'
import { type NotifyTransport, notifyTransport, type SdNotify, sdNotifyOver, watchdogMs } from './sd-notify.ts'
import { startWatchdog } from './watchdog.ts'

/** Slightly more than twice the interval of the bus keep-alive calls. */
const REPLY_IS_RECENT_MS = 45_000
/**
 * A message costs microseconds over the descriptor, and a process otherwise: then a crash whose restart follows sends none,
 * and of other changes most are sent with a keep-alive.
 */
const STATUS_PACE: Readonly<Record<NotifyTransport['by'], StatusPace>> = {
  descriptor: { afterMs: 0, everyMs: 5_000 },
  program: { afterMs: 5_000, everyMs: 30_000 },
}

interface ServiceOptions {
  readonly env: Env
  readonly pid: number
  /** The line for `systemctl status`. */
  readonly status: () => string
  readonly bus: Pick<UnitSource, 'health' | 'lastReplyAtMonoMs'>
  readonly clock: Clock
  readonly log: Log
  /** Sends a message to systemd; by default, as the environment specifies. */
  readonly sdNotify?: SdNotify
}

/** An event sink, so that the status line follows the units, and so that it stops together with the other sinks. */
export interface Service extends EventSink {
  /** Started, or done with `reloading`. */
  ready(): void
  reloading(): void
  stopping(): void
}

const NO_SERVICE: Service = {
  ready() {},
  reloading() {},
  stopping() {},
  accept() {},
  async stop() {},
}

/** Does nothing if the agent was not started by systemd (no NOTIFY_SOCKET). Never throws. */
export function createService({ env, pid, status, bus, clock, log, sdNotify }: ServiceOptions): Service {
  const transport = notifyTransport(env, pid)
  if (transport === null) return NO_SERVICE
  const pace = STATUS_PACE[transport.by]
  const notifier = createNotifier({ sdNotify: sdNotify ?? sdNotifyOver(transport), status, pace, clock, log })
  const timeoutMs = watchdogMs(env, pid)
  let undoWatchdog: (() => void) | null = null

  const problem = (): string | null => {
    const health = bus.health()
    if (health.problem !== null) return `bus: ${health.problem}`
    const repliedAtMonoMs = bus.lastReplyAtMonoMs()
    const isRecent = repliedAtMonoMs !== null && clock.now().monoMs - repliedAtMonoMs <= REPLY_IS_RECENT_MS
    return isRecent ? null : `bus: no reply for more than ${REPLY_IS_RECENT_MS / 1000} s`
  }

  /** The loss of the bus changes no unit, so the status line is also refreshed here. */
  const check = (): string | null => {
    notifier.changed()
    return problem()
  }

  return {
    ready() {
      notifier.ready()
      if (timeoutMs !== null)
        undoWatchdog ??= startWatchdog({ timeoutMs, problem: check, keepAlive: notifier.alive, clock, log })
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
