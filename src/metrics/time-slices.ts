// Long work in short turns: the event loop, in which signals wait, gets its own at least this often.

const SLICE_MS = 5

/** Work that took longer altogether than it may. */
export class TimeLimitExceeded extends Error {}

/** To be called again and again: null while the turn is young, else a promise that resolves when the others had theirs. */
export function createTimeSlices(limitMs = Number.POSITIVE_INFINITY): () => Promise<void> | null {
  let beganAtMs = performance.now()
  let workedMs = 0
  return () => {
    const sliceMs = performance.now() - beganAtMs
    if (sliceMs < SLICE_MS) return null
    workedMs += sliceMs
    if (workedMs > limitMs) throw new TimeLimitExceeded(`this takes longer than ${limitMs / 1000} s`)
    return new Promise((resolve) =>
      setImmediate(() => {
        beganAtMs = performance.now()
        resolve()
      }),
    )
  }
}
