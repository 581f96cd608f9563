// Decides when every unit is read again because the bus may have dropped signals: as soon as a flood of signals is over.
import type { Clock } from '../ports.ts'

/**
 * The bus drops a client's signals only after its socket was full, and what is in the socket is read in one turn of the
 * event loop: at least 86 changes in a crash storm, measured with 208 KiB (net.core.wmem_default).
 */
const BACKLOG_CHANGES = 48
/** More changes per second than that are a flood: the bus may still be dropping signals, and it would drop replies, too. */
const CALM_PER_SECOND = 48
const FIRST_LOOK_MS = 250
const LOOK_MS = 1000
const IN_A_FLOOD_AFTER_MS = 10_000
const READS_APART_MS = 5_000
/** Any user can cause a flood (LoadUnit in a loop): while nothing is missing, reading takes at most a tenth of the time. */
const REST_PER_READ = 10

export interface GapWatch {
  /** A PropertiesChanged of any unit arrived. Other signals do not count: reading and reloading units causes many. */
  change(): void
  /** Signals are missing, or may be: does not wait for the end of a long flood. */
  suspect(): void
  /** Whether `suspect` was called since the last `take`. */
  take(): boolean
  end(): void
}

/** `read` is called when every unit should be read again; it resolves when that is done. */
export function createGapWatch(clock: Clock, read: () => Promise<unknown>): GapWatch {
  let inThisTurn = 0
  let changes = 0
  let suspected = false
  let readIsDue = false
  /** When to read even during a flood. */
  let latestMonoMs = Infinity
  let earliestMonoMs = -Infinity
  let restUntilMonoMs = -Infinity
  let undoLook: (() => void) | null = null

  const lookAfter = (ms: number) => {
    changes = 0
    undoLook = clock.after(ms, () => {
      undoLook = null
      const { monoMs } = clock.now()
      const isFlood = changes >= (CALM_PER_SECOND * ms) / 1000
      readIsDue ||= isFlood // it continues after the last read
      if (!readIsDue) return
      const rested = monoMs >= earliestMonoMs && (suspected || monoMs >= restUntilMonoMs)
      const reads = rested && (!isFlood || monoMs >= latestMonoMs)
      lookAfter(LOOK_MS)
      if (!reads) return
      readIsDue = isFlood
      latestMonoMs = Infinity
      earliestMonoMs = monoMs + READS_APART_MS
      void read().then(() => {
        const endedMonoMs = clock.now().monoMs
        restUntilMonoMs = endedMonoMs + (endedMonoMs - monoMs) * REST_PER_READ
      })
    })
  }
  const begin = () => {
    readIsDue = true
    if (undoLook === null) lookAfter(FIRST_LOOK_MS)
  }

  return {
    change() {
      changes += 1
      inThisTurn += 1
      if (inThisTurn === BACKLOG_CHANGES) begin()
      else if (inThisTurn === 1) {
        setImmediate(() => {
          inThisTurn = 0
        })
      }
    },
    suspect() {
      suspected = true
      latestMonoMs = Math.min(latestMonoMs, clock.now().monoMs + IN_A_FLOOD_AFTER_MS)
      begin()
    },
    take() {
      const was = suspected
      suspected = false
      return was
    },
    end: () => undoLook?.(),
  }
}
