// Does one piece of work at a time; a few others wait for their turn, and the rest is refused.
import type { Clock } from '../../ports.ts'

interface Turns {
  /** The result of `work`, or null if too many wait already or if the wait took too long. */
  inTurn<T>(work: () => Promise<T>): Promise<T | null>
}

export function createTurns(clock: Pick<Clock, 'after'>, waitingAtMost: number, waitAtMostMs: number): Turns {
  let busy = false
  const waiting = new Set<() => void>()

  /** True once it is this caller's turn; `busy` is then still set. */
  const turn = () =>
    new Promise<boolean>((resolve) => {
      const start = () => {
        cancel()
        waiting.delete(start)
        resolve(true)
      }
      const cancel = clock.after(waitAtMostMs, () => {
        waiting.delete(start)
        resolve(false)
      })
      waiting.add(start)
    })

  return {
    async inTurn(work) {
      if (busy && (waiting.size >= waitingAtMost || !(await turn()))) return null
      busy = true
      try {
        return await work()
      } finally {
        const [first] = waiting
        if (first === undefined) busy = false
        else first()
      }
    },
  }
}
