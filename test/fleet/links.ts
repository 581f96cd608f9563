// The links of simulated gateways to a receiver: a few are down at any time, and all of them can be cut at once.
import type { Post } from '../../src/remote-write/options.ts'

/** An outage of one link, at random. */
const OUTAGE_MS = { least: 60_000, most: 600_000 }

export interface Links {
  /** Sends over the link of this gateway. */
  through(gateway: number, post: Post): Post
  /** From now on, this many links are down at any time, each for some minutes. */
  keepDown(count: number): void
  cutAll(): void
  restoreAll(): void
  /** How many links were down, the cut of all left out. */
  outages(): number
}

export function createLinks(gateways: number): Links {
  /** Of each gateway: a controller that is aborted while the link is down. */
  const links = Array.from({ length: gateways }, () => new AbortController())
  const timers = new Set<NodeJS.Timeout>()
  let outages = 0

  const restore = (gateway: number) => {
    links[gateway] = new AbortController()
  }
  const takeDown = () => {
    const up = links.flatMap(({ signal }, gateway) => (signal.aborted ? [] : [gateway]))
    const gateway = up[Math.floor(Math.random() * up.length)]
    if (gateway === undefined) return
    outages += 1
    links[gateway]?.abort()
    const timer = setTimeout(
      () => {
        timers.delete(timer)
        restore(gateway)
        takeDown()
      },
      OUTAGE_MS.least + Math.random() * (OUTAGE_MS.most - OUTAGE_MS.least),
    )
    timers.add(timer)
  }
  const endOutages = () => {
    for (const timer of timers) clearTimeout(timer)
    timers.clear()
  }

  return {
    through: (gateway, post) => async (body, signal) => {
      const down = links[gateway]?.signal ?? signal
      // The response to a request that is on its way is lost; the receiver may have stored its samples.
      if (!down.aborted) return post(body, AbortSignal.any([signal, down]))
      throw new Error('host unreachable')
    },
    keepDown(count) {
      for (let i = 0; i < count; i++) takeDown()
    },
    cutAll() {
      endOutages()
      for (const link of links) link.abort()
    },
    restoreAll() {
      endOutages()
      for (let gateway = 0; gateway < gateways; gateway++) restore(gateway)
    },
    outages: () => outages,
  }
}
