// Timers that may be a little late, so that those that are due at about the same time wake up the processor once.

/** Calls back after `ms`, or up to `slackMs` later, with the delay beyond that; returns the function that cancels it. */
export type SharedTimer = (ms: number, call: (lateMs: number) => void, slackMs: number) => () => void

interface Wakeup {
  readonly dueMonoMs: number
  readonly calls: Set<(lateMs: number) => void>
  cancel: () => void
}

/** `after`: an exact timer, as in `Clock`. */
export function createSharedTimers(
  monoMs: () => number,
  after: (ms: number, call: () => void) => () => void,
): SharedTimer {
  let wakeups: readonly Wakeup[] = []

  function forget(wakeup: Wakeup): void {
    wakeups = wakeups.filter((other) => other !== wakeup)
  }

  function wakeupAt(dueMonoMs: number, ms: number): Wakeup {
    const wakeup: Wakeup = { dueMonoMs, calls: new Set(), cancel: () => {} }
    wakeup.cancel = after(ms, () => {
      forget(wakeup)
      const lateMs = monoMs() - dueMonoMs
      for (const call of wakeup.calls) call(lateMs)
    })
    wakeups = [...wakeups, wakeup]
    return wakeup
  }

  return (ms, call, slackMs) => {
    const earliest = monoMs() + ms
    const isInTime = ({ dueMonoMs }: Wakeup) => dueMonoMs >= earliest && dueMonoMs <= earliest + slackMs
    const wakeup = wakeups.find(isInTime) ?? wakeupAt(earliest, ms)
    const own = (lateMs: number) => call(lateMs)
    wakeup.calls.add(own)
    return () => {
      if (!wakeup.calls.delete(own) || wakeup.calls.size > 0) return
      wakeup.cancel()
      forget(wakeup)
    }
  }
}
