// What users learn about the push: counts, the current problem, and one log line for each change.
import { createReasons } from '../core/limits/reasons.ts'
import { plural } from '../core/views/format.ts'
import type { Clock, Log, RemoteWriteHealth } from '../ports.ts'

export type DropReason = keyof RemoteWriteHealth['dropped']

export interface Report {
  accepted(samples: number): void
  /** A request failed; its samples are sent again. */
  failed(text: string, samples: number): void
  /** Samples were dropped. `text`: what the receiver responded, if it refused them. */
  dropped(reason: DropReason, samples: number, text?: string): void
  /** Samples are kept because the clock is known to be wrong. */
  waitsForClock(): void
  /** The series cannot be read, because a selector is invalid; null: they can. */
  unreadable(text: string | null): void
  health(): Omit<RemoteWriteHealth, 'pending'>
}

/** How long drops are shown, and not logged again. */
const DROPS_SHOWN_MS = 3_600_000

const WHY: Readonly<Record<DropReason, string>> = {
  overflow: 'the backlog is full',
  expired: 'they waited longer than remote_write.backlog',
  too_old: 'the receiver does not accept samples that old',
  refused: 'the receiver refused them',
  clock: 'the clock was set back to times that were already sent',
}

/** `shown`: the address of the receiver, for messages. */
export function createReport(shown: () => string, clock: Clock, log: Log): Report {
  const dropped: Record<DropReason, number> = { overflow: 0, expired: 0, too_old: 0, refused: 0, clock: 0 }
  const drops = createDropLog(clock, log)
  const reasons = createReasons()
  let sent = 0
  let failed = 0
  let lastSuccessMonoMs: number | null = null
  let problem: string | null = null
  let unreadable: string | null = null
  let outageSinceMonoMs: number | null = null

  const failing = (text: string, message: string) => {
    problem = message
    outageSinceMonoMs ??= clock.now().monoMs
    if (reasons.note(text)) log('warning', `remote_write: ${message}`)
  }

  return {
    accepted(samples) {
      const { monoMs } = clock.now()
      if (outageSinceMonoMs !== null)
        log('info', `remote_write: pushing again after ${Math.round((monoMs - outageSinceMonoMs) / 1000)} s`)
      else if (lastSuccessMonoMs === null) log('info', `remote_write: pushing to ${shown()}`)
      sent += samples
      lastSuccessMonoMs = monoMs
      problem = null
      outageSinceMonoMs = null
      reasons.clear()
    },
    failed(text, samples) {
      failed += samples
      failing(text, `cannot push to ${shown()}: ${text}; samples are kept and sent later`)
    },
    dropped(reason, samples, text) {
      if (samples === 0) return
      dropped[reason] += samples
      drops.add(reason, samples, text)
      if (text === undefined) return
      failed += samples
      problem = `${shown()} refuses samples (${text}); they are dropped`
    },
    waitsForClock() {
      problem = 'the clock is not synchronised, so nothing is pushed; samples are kept and sent when it is'
    },
    unreadable(text) {
      if (text !== null && text !== unreadable) log('error', `remote_write: cannot read the series: ${text}`)
      unreadable = text
    },
    health: () => ({
      problem: unreadable === null ? problem : `nothing is pushed: ${unreadable}`,
      note: drops.note(),
      sent,
      failed,
      dropped: { ...dropped },
      lastSuccessMs: lastSuccessMonoMs === null ? null : clock.wallMsOf(lastSuccessMonoMs),
    }),
  }
}

/** Logs the first drop for each reason, and shows all of the last hour. */
function createDropLog(clock: Clock, log: Log) {
  const recent = new Map<DropReason, { readonly sinceMonoMs: number; samples: number }>()
  const forget = () => {
    const { monoMs } = clock.now()
    for (const [reason, { sinceMonoMs }] of recent) if (monoMs - sinceMonoMs > DROPS_SHOWN_MS) recent.delete(reason)
  }
  return {
    add(reason: DropReason, samples: number, text?: string): void {
      forget()
      const before = recent.get(reason)
      if (before !== undefined) before.samples += samples
      else {
        recent.set(reason, { sinceMonoMs: clock.now().monoMs, samples })
        log('warning', `remote_write: dropping samples: ${WHY[reason]}${text === undefined ? '' : ` (${text})`}`)
      }
    },
    note(): string | null {
      forget()
      const parts = [...recent].map(([reason, { samples }]) => `dropped ${plural(samples, 'sample')}: ${WHY[reason]}`)
      return parts.length === 0 ? null : parts.join('; ')
    },
  }
}
