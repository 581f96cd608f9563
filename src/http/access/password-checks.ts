// Runs password checks one at a time. The peers take turns, and each may have only a few unfinished ones.
import type { Socket } from 'node:net'
import { createPeerQueue } from '../../core/limits/peer-queue.ts'

/** A browser that opens the dashboard sends the same password several times, which is one check. */
const UNFINISHED_PER_PEER_AT_MOST = 4
/** A check takes 0.1 s to several seconds, depending on the processor and the hash's cost. */
const WAITING_AT_MOST = 15

/** The result; or why there is none: the peer has too many, there are too many in total, the client has disconnected. */
type CheckOutcome = boolean | 'peer_limit' | 'busy' | 'gone'

export interface PasswordClient {
  readonly peer: string
  readonly socket: Socket
}

interface PasswordChecks {
  /** Runs `compare` when its turn has come. Equal keys are one check. It is dropped if its clients disconnect before. */
  check(key: string, client: PasswordClient, compare: () => Promise<boolean>): Promise<CheckOutcome>
}

interface Check {
  readonly key: string
  /** The peer of the client that was the first to request it. */
  readonly peer: string
  readonly compare: () => Promise<boolean>
  /** One function for each client, which passes the outcome to it. */
  readonly clients: Set<(outcome: CheckOutcome | Promise<boolean>) => void>
}

export function createPasswordChecks(): PasswordChecks {
  const waiting = createPeerQueue<Check>(WAITING_AT_MOST, (check) => {
    unfinished.delete(check.key)
    for (const pass of check.clients) pass('busy')
  })
  let running: Check | undefined
  /** All that wait, and the one that runs. */
  const unfinished = new Map<string, Check>()

  function add(key: string, peer: string, compare: () => Promise<boolean>): Check | 'peer_limit' | 'busy' {
    const own = waiting.countOf(peer) + (running?.peer === peer ? 1 : 0)
    if (own >= UNFINISHED_PER_PEER_AT_MOST) return 'peer_limit'
    const check: Check = { key, peer, compare, clients: new Set() }
    if (!waiting.add(peer, check)) return 'busy'
    unfinished.set(key, check)
    return check
  }

  function runNext(): void {
    if (running !== undefined) return
    const check = waiting.take()
    running = check
    if (check === undefined) return
    const result = check.compare()
    const finish = () => {
      running = undefined
      unfinished.delete(check.key)
      for (const pass of check.clients) pass(result)
      runNext()
    }
    result.then(finish, finish)
  }

  return {
    async check(key, { peer, socket }, compare) {
      if (socket.destroyed) return 'gone'
      const check = unfinished.get(key) ?? add(key, peer, compare)
      if (typeof check === 'string') return check
      return new Promise((resolve) => {
        const pass = (outcome: CheckOutcome | Promise<boolean>) => {
          socket.off('close', leave)
          resolve(outcome)
        }
        const leave = () => {
          check.clients.delete(pass)
          if (check.clients.size === 0 && check !== running) {
            waiting.remove(check.peer, check)
            unfinished.delete(check.key)
          }
          resolve('gone')
        }
        check.clients.add(pass)
        socket.once('close', leave)
        runNext()
      })
    },
  }
}
