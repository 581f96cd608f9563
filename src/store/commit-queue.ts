// The commit queue: runs commits one at a time, in order, and starts one when it is due.
import type { Clock } from '../ports.ts'

interface CommitQueue {
  /** Runs `job` after all earlier ones. */
  run<T>(job: () => Promise<T>): Promise<T>
  /** True while a job runs or waits. */
  busy(): boolean
  /** Sets the only timer to the time of the next commit. Call it whenever that time may have changed. */
  schedule(): void
  /** Stops the timer; `run` still works. */
  stop(): void
}

/** `dueMs`: when the next commit is due, null for never. `commitDue` makes that commit; it is called only when it is due. */
export function createCommitQueue(
  clock: Clock,
  dueMs: () => number | null,
  commitDue: (nowMs: number) => Promise<unknown>,
): CommitQueue {
  let last: Promise<unknown> = Promise.resolve()
  let jobs = 0
  let stopped = false
  let timer: { readonly dueMs: number; readonly cancel: () => void } | null = null

  async function run<T>(job: () => Promise<T>): Promise<T> {
    jobs++
    const result = last.then(job)
    last = result.catch(() => {})
    try {
      return await result
    } finally {
      jobs--
      schedule()
    }
  }

  function cancelTimer(): void {
    timer?.cancel()
    timer = null
  }

  function schedule(): void {
    const nextMs = stopped || jobs > 0 ? null : dueMs()
    if (timer !== null && timer.dueMs === nextMs) return
    cancelTimer()
    if (nextMs === null) return
    const cancel = clock.after(Math.max(0, nextMs - clock.now().monoMs), () => {
      timer = null
      if (!stopped) void run(commitIfDue)
    })
    timer = { dueMs: nextMs, cancel }
  }

  async function commitIfDue(): Promise<void> {
    const nowMs = clock.now().monoMs
    const nextMs = dueMs()
    if (nextMs !== null && nextMs <= nowMs) await commitDue(nowMs)
  }

  return {
    run,
    busy: () => jobs > 0,
    schedule,
    stop() {
      stopped = true
      cancelTimer()
    },
  }
}
