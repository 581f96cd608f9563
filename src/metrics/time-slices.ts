// Long work in short turns: the event loop, in which signals wait, gets its own at least this often.

const AT_ONCE_MS = 5

/** Work that took longer altogether than it may. */
export class TimeLimitExceeded extends Error {}

/** To be called again and again: null while the turn is young, else a promise that resolves when the others had theirs. */
export function createTimeSlices(altogetherMs = Number.POSITIVE_INFINITY): () => Promise<void> | null {
  let beganAtMs = performance.now()
  let workedMs = 0
  return () => {
    const turnMs = performance.now() - beganAtMs
    if (turnMs < AT_ONCE_MS) return null
    workedMs += turnMs
    if (workedMs > altogetherMs) throw new TimeLimitExceeded(`this takes longer than ${altogetherMs / 1000} s`)
    return new Promise((resolve) =>
      setImmediate(() => {
        beganAtMs = performance.now()
        resolve()
      }),
    )
  }
}
