// Does one piece of work at a time; a few others wait for their turn, and the rest is refused. Peers take turns.
import { createPeerQueue } from '../../core/limits/peer-queue.ts'
import type { Clock } from '../../ports.ts'

interface Turns {
  /** The result of `work`, or null if the wait took too long or if too many wait already. */
  inTurn<T>(peer: string, work: () => Promise<T>): Promise<T | null>
}

/** Ends a wait: true if it is this one's turn. */
type EndWait = (isTurn: boolean) => void

export function createTurns(clock: Pick<Clock, 'after'>, waitingAtMost: number, waitAtMostMs: number): Turns {
  const waiting = createPeerQueue<EndWait>(waitingAtMost, (end) => end(false))
  let busy = false

  function startNext(): void {
    const next = busy ? undefined : waiting.take()
    if (next === undefined) return
    busy = true
    next(true)
  }

  /** True once it is this caller's turn. */
  const turn = (peer: string) =>
    new Promise<boolean>((resolve) => {
      const end: EndWait = (isTurn) => {
        cancel()
        resolve(isTurn)
      }
      const cancel = clock.after(waitAtMostMs, () => {
        waiting.remove(peer, end)
        resolve(false)
      })
      if (waiting.add(peer, end)) startNext()
      else end(false)
    })

  return {
    async inTurn(peer, work) {
      if (!(await turn(peer))) return null
      try {
        return await work()
      } finally {
        busy = false
        startNext()
      }
    },
  }
}
