// When something runs that may be called for several times: once for all calls.
import type { Clock } from '../ports.ts'

/** `soon` calls back after `ms`, unless that is already due. */
export function delayed(clock: Clock, ms: number, call: () => void) {
  let undo: (() => void) | null = null
  return {
    soon() {
      undo ??= clock.after(ms, () => {
        undo = null
        call()
      })
    },
    cancel: () => undo?.(),
    isDue: () => undo !== null,
  }
}

/** Runs `run` one at a time: all calls while it runs share one more run after it. */
export function shared(run: () => Promise<boolean>): () => Promise<boolean> {
  let running: Promise<boolean> | null = null
  let next: Promise<boolean> | null = null

  return function once(): Promise<boolean> {
    if (running === null) {
      running = run().finally(() => {
        running = null
      })
      return running
    }
    next ??= running.then(() => {
      next = null
      return once()
    })
    return next
  }
}
