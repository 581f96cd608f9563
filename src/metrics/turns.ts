// Long work in short turns: the event loop, in which signals wait, gets its own at least this often.

const AT_ONCE_MS = 5

/** Resolves at once while the turn is young, else when the others had theirs. */
export function turns(): () => Promise<void> | null {
  let beganAtMs = performance.now()
  return () => {
    if (performance.now() - beganAtMs < AT_ONCE_MS) return null
    return new Promise((resolve) =>
      setImmediate(() => {
        beganAtMs = performance.now()
        resolve()
      }),
    )
  }
}
