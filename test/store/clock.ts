// A clock for tests, advanced by hand.
import type { Clock } from '../../src/ports.ts'

export interface TestClock extends Clock {
  /** Advances by `ms`: calls the timers that become due, and lets promises settle after each. */
  go(ms: number): Promise<void>
  pending(): number
}

/** `settle` waits until pending work is done. */
export function testClock(startMs = 10_000, settle = settled): TestClock {
  let nowMs = startMs
  let timers: { readonly dueMs: number; readonly call: () => void }[] = []
  return {
    now: () => ({ monoMs: nowMs, wallMs: 1_752_000_000_000 + nowMs }),
    after(ms, call) {
      const timer = { dueMs: nowMs + ms, call }
      timers.push(timer)
      return () => {
        timers = timers.filter((t) => t !== timer)
      }
    },
    pending: () => timers.length,
    async go(ms) {
      const endMs = nowMs + ms
      await settle()
      for (;;) {
        const next = timers.filter((t) => t.dueMs <= endMs).sort((a, b) => a.dueMs - b.dueMs)[0]
        if (next === undefined) break
        timers = timers.filter((t) => t !== next)
        nowMs = Math.max(nowMs, next.dueMs)
        next.call()
        await settle()
      }
      nowMs = endMs
    },
  }
}

/** Resolves after several turns of the event loop, when all work in memory is done. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve))
}
