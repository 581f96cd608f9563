// A bounded queue in which peers take turns, so that one of them can neither fill it nor keep the others waiting.

export interface PeerQueue<T> {
  /**
   * False if the queue is full. To make room, the newest item of the peer that has the most is dropped, if that peer
   * has more than this one will have.
   */
  add(peer: string, item: T): boolean
  remove(peer: string, item: T): void
  /** The next item; a peer whose item was taken last comes after all others. */
  take(): T | undefined
  countOf(peer: string): number
}

/** `dropped` is called with an item that has made room for another one. */
export function createPeerQueue<T>(itemsAtMost: number, dropped: (item: T) => void): PeerQueue<T> {
  /** Never empty lists; the first peer has the next turn. */
  const items = new Map<string, T[]>()
  let takenLast: string | null = null

  const countOf = (peer: string) => items.get(peer)?.length ?? 0
  const size = () => [...items.values()].reduce((sum, list) => sum + list.length, 0)

  function put(peer: string, list: T[]): void {
    if (list.length > 0) items.set(peer, list)
    else items.delete(peer)
  }

  function makeRoomFor(peer: string): boolean {
    const [most] = [...items].sort(([, a], [, b]) => b.length - a.length)
    if (most === undefined) return false
    const [other, list] = most
    const newest = list.at(-1)
    if (newest === undefined || list.length <= countOf(peer) + 1) return false
    put(other, list.slice(0, -1))
    dropped(newest)
    return true
  }

  return {
    countOf,
    add(peer, item) {
      if (size() >= itemsAtMost && !makeRoomFor(peer)) return false
      put(peer, [...(items.get(peer) ?? []), item])
      return true
    },
    remove(peer, item) {
      const list = items.get(peer) ?? []
      put(
        peer,
        list.filter((other) => other !== item),
      )
    },
    take() {
      const again = takenLast === null ? undefined : items.get(takenLast)
      if (takenLast !== null && again !== undefined) {
        items.delete(takenLast)
        items.set(takenLast, again)
      }
      const [next] = items
      if (next === undefined) return undefined
      const [peer, [first, ...rest]] = next
      takenLast = peer
      put(peer, rest)
      return first
    },
  }
}
