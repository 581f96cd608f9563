// Event loop delay, from timers that exist anyway and from one turn on request, so that no timer wakes the CPU for it.
import type { Clock } from '../ports.ts'

/** The longest delay within this time is reported. */
const REMEMBERED_MS = 60_000

export interface LoopLag {
  /** Waits for one turn of the event loop and records how long it took. */
  measure(): Promise<void>
  /** A timer was late by this time. */
  note(lateMs: number): void
  /** Seconds, the longest of the last minute; 0 if nothing was measured recently. */
  worstSeconds(): number
}

export function createLoopLag(clock: Clock): LoopLag {
  let measured: { atMs: number; seconds: number }[] = []
  const recent = (nowMs: number) => measured.filter(({ atMs }) => nowMs - atMs < REMEMBERED_MS)
  const note = (lateMs: number) => {
    const atMs = clock.now().monoMs
    measured = [...recent(atMs), { atMs, seconds: Math.max(0, lateMs) / 1000 }]
  }
  return {
    async measure() {
      const from = clock.now().monoMs
      await new Promise((resolve) => setImmediate(resolve))
      note(clock.now().monoMs - from)
    },
    note,
    worstSeconds: () => recent(clock.now().monoMs).reduce((worst, m) => Math.max(worst, m.seconds), 0),
  }
}
