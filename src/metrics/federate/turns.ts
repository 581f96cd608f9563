// Does one piece of work at a time; a few others wait for their turn, and the rest is refused. Peers take turns.
import type { Clock } from '../../ports.ts'

interface Turns {
  /**
   * The result of `work`, or null if the wait took too long or if too many wait already. In that case, the newest one of
   * the peer that has the most makes room for one of a peer that has fewer.
   */
  inTurn<T>(peer: string, work: () => Promise<T>): Promise<T | null>
}

interface Waiting {
  readonly peer: string
  /** Ends the wait: true if it is this one's turn. */
  readonly end: (isTurn: boolean) => void
}

export function createTurns(clock: Pick<Clock, 'after'>, waitingAtMost: number, waitAtMostMs: number): Turns {
  /** The peer whose work is being done; after it, one of another peer comes first. */
  let busyWith: string | null = null
  const waiting = new Set<Waiting>()

  const countOf = (peer: string) => [...waiting].filter((one) => one.peer === peer).length

  function hasRoomFor(peer: string): boolean {
    if (waiting.size < waitingAtMost) return true
    const newestFirst = [...waiting].reverse()
    const [newest] = newestFirst.sort((a, b) => countOf(b.peer) - countOf(a.peer))
    if (newest === undefined || countOf(newest.peer) <= countOf(peer) + 1) return false
    newest.end(false)
    return true
  }

  /** True once it is this caller's turn; `busyWith` is then set. */
  const turn = (peer: string) =>
    new Promise<boolean>((resolve) => {
      const one: Waiting = {
        peer,
        end(isTurn) {
          cancel()
          waiting.delete(one)
          resolve(isTurn)
        },
      }
      const cancel = clock.after(waitAtMostMs, () => one.end(false))
      waiting.add(one)
    })

  function endTurn(): void {
    const [first] = waiting
    const next = [...waiting].find(({ peer }) => peer !== busyWith) ?? first
    busyWith = next?.peer ?? null
    next?.end(true)
  }

  return {
    async inTurn(peer, work) {
      if (busyWith === null) busyWith = peer
      else if (!hasRoomFor(peer) || !(await turn(peer))) return null
      try {
        return await work()
      } finally {
        endTurn()
      }
    },
  }
}
