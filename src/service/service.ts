// The agent as a service of systemd (Type=notify): ready, reloading and stopping states, status line, watchdog.
import type { Clock, Env, EventSink, Log, UnitSource } from '../ports.ts'
import { createNotifier } from './notifier.ts'
import { notifyTransport, type SdNotify, sdNotifyOver, watchdogMs } from './sd-notify.ts'
import { startWatchdog } from './watchdog.ts'

/** Twice the distance at which the bus is asked for a sign of life. */
const ANSWER_IS_RECENT_MS = 45_000

export interface ServiceOptions {
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
  const way = notifyTransport(env, pid)
  if (way === null) return SILENT
  const tells = createNotifier({ sdNotify: sdNotify ?? sdNotifyOver(way), status, clock, log })
  const withinMs = watchdogMs(env, pid)
  let undoWatchdog: (() => void) | null = null

  const problem = (): string | null => {
    const health = bus.health()
    if (health.problem !== null) return `bus: ${health.problem}`
    const answeredAt = bus.lastReplyAtMonoMs()
    const isRecent = answeredAt !== null && clock.now().monoMs - answeredAt <= ANSWER_IS_RECENT_MS
    return isRecent ? null : 'bus: it has not answered for a while'
  }

  /** A bus that is lost is no step of any unit: the status line learns of it here. */
  const look = (): string | null => {
    tells.changed()
    return problem()
  }

  return {
    ready() {
      tells.ready()
      if (withinMs !== null) undoWatchdog ??= startWatchdog({ withinMs, problem: look, feed: tells.alive, clock, log })
    },
    reloading: tells.reloading,
    stopping() {
      undoWatchdog?.()
      tells.stopping()
    },
    accept({ before, after }) {
      if (before.units !== after.units) tells.changed()
    },
    async stop() {
      undoWatchdog?.()
      await tells.stop()
    },
  }
}

const SILENT: Service = {
  ready() {},
  reloading() {},
  stopping() {},
  accept() {},
  async stop() {},
}
