// Cooperative time slicing: splits long work into slices, so that the event loop can process D-Bus signals in between.

const SLICE_MS = 5

/** The work took longer in total than its limit. */
export class TimeLimitExceeded extends Error {}

/** Null while the slice lasts, else a promise that resolves in the next one. Throws `TimeLimitExceeded`. */
export type TimeSlices = () => Promise<void> | null

/**
 * Returns a function to be called often during the work; between two slices, the event loop turns once. `limitMs`
 * limits all slices together.
 */
export function createTimeSlices(limitMs = Number.POSITIVE_INFINITY): TimeSlices {
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
