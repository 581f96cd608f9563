// Waiting with a limit: for a promise, but not longer than a given time.

/** Resolves when `work` does, and after `ms` at the latest. `after`: as in `Clock`. */
export async function settledWithin(
  ms: number,
  work: Promise<unknown>,
  after: (ms: number, call: () => void) => () => void,
): Promise<void> {
  let cancel = () => {}
  const timeout = new Promise<void>((resolve) => {
    cancel = after(ms, resolve)
  })
  await Promise.race([work, timeout])
  cancel()
}
