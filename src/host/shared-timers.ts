// Timers that may be a little late, so that those that are due at about the same time wake up the processor once.

/** All periodic timers meet at multiples of this time after a few periods, if they have some slack. */
const MARK_EVERY_MS = 10_000
/** A periodic timer is set when it was called, so a little after the mark: it must not miss the next one because of that. */
const EARLY_MS = 100

/** Calls back after `ms`, or up to `slackMs` later, with the delay beyond what was planned; returns the function that cancels it. */
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
    const nowMonoMs = monoMs()
    const earliest = nowMonoMs + ms - Math.min(EARLY_MS, ms / 100)
    const latest = nowMonoMs + ms + slackMs
    const mark = Math.ceil(earliest / MARK_EVERY_MS) * MARK_EVERY_MS
    const isInTime = ({ dueMonoMs }: Wakeup) => dueMonoMs >= earliest && dueMonoMs <= latest
    const due = mark <= latest ? mark : (wakeups.find(isInTime)?.dueMonoMs ?? latest)
    const wakeup = wakeups.find(({ dueMonoMs }) => dueMonoMs === due) ?? wakeupAt(due, due - nowMonoMs)
    const own = (lateMs: number) => call(lateMs)
    wakeup.calls.add(own)
    return () => {
      if (!wakeup.calls.delete(own) || wakeup.calls.size > 0) return
      wakeup.cancel()
      forget(wakeup)
    }
  }
}
