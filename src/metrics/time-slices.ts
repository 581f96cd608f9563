// Cooperative time slicing: splits long work into slices, so that the event loop can process D-Bus signals in between.

const SLICE_MS = 5

/** The work took longer in total than its limit. */
export class TimeLimitExceeded extends Error {}

/**
 * Returns a function to be called often during the work. It returns null while the slice lasts, else a promise that
 * resolves after one turn of the event loop. It throws `TimeLimitExceeded` once all slices together exceed `limitMs`.
 */
export function createTimeSlices(limitMs = Number.POSITIVE_INFINITY): () => Promise<void> | null {
  let beganAtMs = performance.now()
  let workedMs = 0
  return () => {
    const sliceMs = performance.now() - beganAtMs
    if (sliceMs < SLICE_MS) return null
    workedMs += sliceMs
    if (workedMs > limitMs) throw new TimeLimitExceeded(`took longer than ${limitMs / 1000} s`)
    return new Promise((resolve) =>
      setImmediate(() => {
        beganAtMs = performance.now()
        resolve()
      }),
    )
  }
}
