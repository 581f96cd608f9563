// Decides when every unit is read again because the bus may have dropped signals: as soon as a flood of signals is over.
import type { Clock } from '../ports.ts'

/**
 * The bus drops a client's signals only after its socket was full, and what is in the socket is read in one turn of the
 * event loop: 98 of systemd's signals, measured with 208 KiB (net.core.wmem_default).
 */
const BACKLOG_SIGNALS = 48
/** The flood is over when fewer signals than that arrive in this time. In a flood the bus would drop replies, too. */
const CALM_MS = 250
const IN_A_FLOOD_AT_MOST_MS = 10_000

export interface GapWatch {
  /** A signal arrived. */
  signal(): void
  /** Signals are missing, or may be: does not wait for the end of a long flood. */
  suspect(): void
  /** Whether `suspect` was called since the last `take`. */
  take(): boolean
  end(): void
}

/** `read` is called when every unit should be read again. */
export function createGapWatch(clock: Clock, read: () => void): GapWatch {
  let inThisTurn = 0
  let inThisWait = 0
  let undoWait: (() => void) | null = null
  let suspected = false
  /** When to read even during a flood. */
  let latestMonoMs = Infinity

  const wait = () => {
    inThisWait = 0
    undoWait = clock.after(CALM_MS, () => {
      if (inThisWait >= BACKLOG_SIGNALS && clock.now().monoMs < latestMonoMs) return wait()
      undoWait = null
      latestMonoMs = Infinity
      read()
    })
  }
  const begin = () => {
    if (undoWait === null) wait()
  }

  return {
    signal() {
      inThisWait += 1
      inThisTurn += 1
      if (inThisTurn === BACKLOG_SIGNALS) begin()
      else if (inThisTurn === 1) {
        setImmediate(() => {
          inThisTurn = 0
        })
      }
    },
    suspect() {
      suspected = true
      latestMonoMs = Math.min(latestMonoMs, clock.now().monoMs + IN_A_FLOOD_AT_MOST_MS)
      begin()
    },
    take() {
      const was = suspected
      suspected = false
      return was
    },
    end: () => undoWait?.(),
  }
}
