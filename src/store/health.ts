// Write statistics and health of the store: counts for the metrics, the current problem, one log line per change.
import { messageOf } from '../core/error-text.ts'
import { createTally } from '../core/histogram.ts'
import type { Clock, Log, StoreHealth } from '../ports.ts'
import { errno } from './file/fs.ts'

/** Seconds. Good flash takes milliseconds, a worn card takes seconds. */
const BOUNDS = [0.005, 0.02, 0.1, 0.5, 2.5]

export interface HealthRecorder {
  wrote(bytes: number, seconds: number, monoMs: number): void
  failed(error: unknown, monoMs: number): void
  /** Logs when the flash budget begins or ends to be exceeded. */
  budget(exceeded: boolean, bytesPerDay: number): void
  /** True while writing fails. */
  degraded(): boolean
  /** `lastingProblem`: a problem until the next start, shown while there is no write error. The others: see `StoreHealth`. */
  read(lastingProblem: string | null, note: string | null, delaySeconds: number): StoreHealth
}

export function createHealthRecorder(path: string, clock: Pick<Clock, 'wallMsOf'>, log: Log): HealthRecorder {
  const commitSeconds = createTally(BOUNDS)
  const errors = { EIO: 0, ENOSPC: 0, EROFS: 0, other: 0 }
  let problem: string | null = null
  let sinceMs = 0
  let overBudget = false
  let commits = 0
  let bytesWritten = 0
  let lastCommitMonoMs: number | null = null

  return {
    wrote(bytes, seconds, monoMs) {
      commits++
      bytesWritten += bytes
      lastCommitMonoMs = monoMs
      commitSeconds.add(seconds)
      if (problem === null) return
      log('info', `state: writing works again after ${Math.round((monoMs - sinceMs) / 1000)} s`, { path })
      problem = null
    },
    failed(error, monoMs) {
      const code = errno(error)
      errors[code === 'EIO' || code === 'ENOSPC' || code === 'EROFS' ? code : 'other']++
      const now = cannotWrite(path, error)
      if (problem === null) sinceMs = monoMs
      if (problem !== now)
        log('error', `state: write failed, counters are kept in memory only: ${now}`, { path, errno: code })
      problem = now
    },
    degraded: () => problem !== null,
    budget(exceeded, bytesPerDay) {
      if (exceeded === overBudget) return
      overBudget = exceeded
      const limit = `flash_bytes_per_day (${bytesPerDay})`
      if (exceeded)
        log('warning', `state: more is written than ${limit} allows, although commits are delayed`, { path })
      else log('info', `state: ${limit} is not exceeded any more`, { path })
    },
    read(lastingProblem, note, delaySeconds): StoreHealth {
      return {
        path,
        problem: problem ?? lastingProblem,
        note,
        delaySeconds,
        commits,
        bytesWritten,
        errors: { ...errors },
        lastCommitMs: lastCommitMonoMs === null ? null : clock.wallMsOf(lastCommitMonoMs),
        commitSeconds: commitSeconds.read(),
      }
    },
  }
}

/** `cannot write /var/lib/...: no space left on device (ENOSPC)` */
function cannotWrite(path: string, error: unknown): string {
  const message = messageOf(error)
  const words = /^[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message
  const code = errno(error)
  return `cannot write ${path}: ${words}${code === 'other' ? '' : ` (${code})`}`
}
