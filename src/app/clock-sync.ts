// Finds out within seconds whether the clock is synchronised: from systemd's mark, else from the kernel over timedate1.
import type { Agent } from '../agent.ts'
import { backoffMs } from '../core/limits/backoff.ts'
import { watchClockMark } from '../host/clock-mark.ts'
import type { Clock, EventSink, UnitSource } from '../ports.ts'

/** Each query starts systemd-timedated, which runs for half a minute and is logged: on flash, where the journal is. */
const QUERY_AGAIN = { firstMs: 1_000, longestMs: 900_000, shortestMs: 1_000 }

export interface ClockSyncOptions {
  /** Calls `found` once, as soon as systemd's mark exists; returns the function that ends the watch. */
  readonly watchMark: (found: () => void) => () => void
  /** Queries the kernel's state; null if it is unknown. */
  readonly query: () => Promise<boolean | null>
  /** Whether a query is possible now. */
  readonly connected: () => boolean
  readonly observe: (synced: boolean) => void
  readonly clock: Clock
}

/** A sink of steps, because a step of the clock, and the first units after a connection, are reasons to query again. */
export interface ClockSync extends EventSink {
  start(): void
}

/** Ends all queries once the clock is synchronised: from then on it counts as synchronised until the agent ends. */
export function createClockSync({ watchMark, query, connected, observe, clock }: ClockSyncOptions): ClockSync {
  let ended = false
  let attempt = 0
  let isQuerying = false
  let waitsForBus = false
  let cancelQuery = () => {}
  let endWatch = () => {}

  const end = () => {
    ended = true
    cancelQuery()
    endWatch()
  }
  const found = () => {
    if (ended) return
    end()
    observe(true)
  }
  const queryAfter = (ms: number) => {
    cancelQuery()
    cancelQuery = clock.after(ms, () => void queryNow())
  }
  const queryNow = async () => {
    waitsForBus = !connected()
    if (ended || isQuerying || waitsForBus) return
    isQuerying = true
    const synced = await query().catch(() => null)
    isQuerying = false
    if (ended) return
    if (synced === true) return found()
    if (synced === false) observe(false)
    queryAfter(backoffMs(QUERY_AGAIN, attempt++, 0))
  }

  return {
    start() {
      endWatch = watchMark(found)
      if (!ended) void queryNow()
    },
    accept({ before, after }) {
      if (ended) return
      if (waitsForBus) void queryNow()
      if (before.bootedAtMs === null || before.bootedAtMs === after.bootedAtMs) return
      attempt = 0
      queryAfter(QUERY_AGAIN.firstMs)
    },
    async stop() {
      end()
    },
  }
}

export function clockSyncOf(agent: Agent, source: UnitSource, clock: Clock): ClockSync {
  return createClockSync({
    watchMark: watchClockMark,
    query: source.clockSynchronized,
    connected: () => source.health().connected,
    observe: (synced) => agent.observe({ kind: 'clock', at: clock.now(), synced }),
    clock,
  })
}
