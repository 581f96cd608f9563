// Runs password checks one at a time. The peers take turns, and each may have only a few unfinished ones.
import type { Socket } from 'node:net'

/** A browser that opens the dashboard sends the same password several times, which is one check. */
const UNFINISHED_PER_PEER_AT_MOST = 4
/** A check takes 0.1 s to several seconds, depending on the processor and the hash's cost. */
const UNFINISHED_AT_MOST = 16

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
  /** All that wait, and the one that runs. */
  const unfinished = new Map<string, Check>()
  /** Those that wait, by peer; the first peer has the next turn. */
  const turns = new Map<string, Check[]>()
  let running = false

  const countOf = (peer: string) => [...unfinished.values()].filter((check) => check.peer === peer).length

  function add(key: string, peer: string, compare: () => Promise<boolean>): Check | 'peer_limit' | 'busy' {
    if (countOf(peer) >= UNFINISHED_PER_PEER_AT_MOST) return 'peer_limit'
    if (unfinished.size >= UNFINISHED_AT_MOST && !makeRoomFor(peer)) return 'busy'
    const check: Check = { key, peer, compare, clients: new Set() }
    unfinished.set(key, check)
    turns.set(peer, [...(turns.get(peer) ?? []), check])
    return check
  }

  /** The peer that has the most loses its newest, if it has more than this peer will have. */
  function makeRoomFor(peer: string): boolean {
    const [most = []] = [...turns.values()].sort((a, b) => b.length - a.length)
    const newest = most.at(-1)
    if (newest === undefined || countOf(newest.peer) <= countOf(peer) + 1) return false
    remove(newest)
    for (const pass of newest.clients) pass('busy')
    return true
  }

  function remove(check: Check): void {
    unfinished.delete(check.key)
    takeFromTurns(check)
  }

  function takeFromTurns(check: Check): void {
    const others = (turns.get(check.peer) ?? []).filter((other) => other !== check)
    if (others.length > 0) turns.set(check.peer, others)
    else turns.delete(check.peer)
  }

  function runNext(): void {
    const check = [...turns.values()][0]?.[0]
    if (running || check === undefined) return
    running = true
    takeFromTurns(check)
    const result = check.compare()
    const finish = () => {
      running = false
      unfinished.delete(check.key)
      for (const pass of check.clients) pass(result)
      moveToEnd(check.peer)
      runNext()
    }
    result.then(finish, finish)
  }

  /** After its turn, so that a peer that came during it does not wait for another one of it. */
  function moveToEnd(peer: string): void {
    const waiting = turns.get(peer)
    turns.delete(peer)
    if (waiting !== undefined) turns.set(peer, waiting)
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
          if (check.clients.size === 0 && turns.get(check.peer)?.includes(check)) remove(check)
          resolve('gone')
        }
        check.clients.add(pass)
        socket.once('close', leave)
        runNext()
      })
    },
  }
}
