// How late the event loop is: measured when someone asks, so that nothing wakes for it.
import type { Clock } from '../ports.ts'

/** The worst of the measurements within this time is told. */
const REMEMBERED_MS = 60_000

export interface LoopLag {
  /** Lets the loop turn once and notes how long that took. */
  measure(): Promise<void>
  /** Seconds. */
  worstSeconds(): number
}

export function createLoopLag(clock: Clock): LoopLag {
  let measured: { atMs: number; seconds: number }[] = []
  return {
    async measure() {
      const from = clock.now().monoMs
      await new Promise((resolve) => setImmediate(resolve))
      const atMs = clock.now().monoMs
      measured = [...measured.filter((m) => atMs - m.atMs < REMEMBERED_MS), { atMs, seconds: (atMs - from) / 1000 }]
    },
    worstSeconds: () => measured.reduce((worst, m) => Math.max(worst, m.seconds), 0),
  }
}
