// The events that the broker does not have yet: bounded in number and bytes, and whatever is given up is told. Pure.
import type { Event, EventKind } from '../core/event.ts'

/** An event is about 610 bytes, so that the number is what usually binds. */
export const OUTBOX_LIMITS: OutboxLimits = { events: 1000, bytes: 1_048_576 }

export interface OutboxLimits {
  readonly events: number
  readonly bytes: number
}

/** `overflow`: no room; `forgotten`: history had lost it before; `too_large`: the broker takes no message of that size. */
export type DropReason = 'overflow' | 'forgotten' | 'too_large'

/** What is to be published next. */
export type Parcel =
  | { readonly kind: 'event'; readonly event: Event; readonly replayed: boolean }
  | { readonly kind: 'dropped'; readonly gap: Gap }

export interface Outbox {
  add(event: Event): void
  /** The oldest parcel that waits, from now on in flight; null when none waits. */
  next(): Parcel | null
  /** The broker has it. */
  settle(parcel: Parcel): void
  /** The broker does not want it, which may change: it waits for `retryRefused` and is in nobody's way. */
  refuse(parcel: Parcel): void
  retryRefused(): void
  /** Everything added so far is told late from now on. `messageBytes`: the largest that this broker takes. */
  connected(messageBytes: number): void
  /** What was in flight waits again. */
  lost(): void
  /** The broker has everything up to this sequence number, or was told that it is gone; null when nothing was ever added. */
  acknowledged(): number | null
  size(): number
  bytes(): number
  dropped(): Readonly<Record<DropReason, number>>
}

export interface OutboxOptions {
  /** Last sequence number that a broker is known to have; null when it never had any. */
  readonly acknowledged: number | null
  /** Size of the event's message. */
  readonly bytesOf: (event: Event) => number
  readonly limits?: OutboxLimits
}

interface QueuedEvent {
  readonly event: Event
  readonly bytes: number
  readonly expendable: boolean
  at: 'queue' | 'flight' | 'refused'
}

/** The first to go when there is no room. The others tell of failures. */
const EXPENDABLE: ReadonlySet<EventKind> = new Set([
  ...(['start', 'restart', 'stop', 'unit_appeared', 'unit_vanished'] as const),
])

export function createOutbox({ acknowledged, bytesOf, limits = OUTBOX_LIMITS }: OutboxOptions): Outbox {
  /** In order of `seq`. */
  const entries: QueuedEvent[] = []
  const dropped: Record<DropReason, number> = { overflow: 0, forgotten: 0, too_large: 0 }
  let bytes = 0
  let expendables = 0
  let newest = acknowledged
  let replayedTo = acknowledged ?? 0
  let messageBytes = Infinity
  let gap: Gap | null = null
  let gapInFlight: Gap | null = null
  let gapRefused = false

  function give(reason: DropReason, lost: Gap): void {
    dropped[reason] += lost.count
    gap = mergeGaps(gap, lost)
  }

  function take(position: number): QueuedEvent | undefined {
    const entry = entries[position]
    if (entry === undefined) return undefined
    entries.splice(position, 1)
    bytes -= entry.bytes
    if (entry.expendable) expendables -= 1
    return entry
  }

  function drop(position: number, reason: DropReason): void {
    const entry = take(position)
    if (entry === undefined) return
    const { seq, kind } = entry.event
    give(reason, { fromSeq: seq, toSeq: seq, count: 1, byKind: { [kind]: 1 } })
  }

  function makeRoom(): void {
    while (entries.length > limits.events || bytes > limits.bytes) {
      const waits = (entry: QueuedEvent) => entry.at !== 'flight'
      const expendable = expendables === 0 ? -1 : entries.findIndex((entry) => entry.expendable && waits(entry))
      const victim = expendable >= 0 ? expendable : entries.findIndex(waits)
      if (victim < 0) return
      drop(victim, 'overflow')
    }
  }

  return {
    add(event) {
      const first = (newest ?? event.seq - 1) + 1
      const last = event.seq - 1 - (event.seqGap ?? 0)
      const count = last - first + 1
      if (count > 0) give('forgotten', { fromSeq: first, toSeq: last, count, byKind: { unknown: count } })
      newest = event.seq
      const entry: QueuedEvent = { event, bytes: bytesOf(event), expendable: EXPENDABLE.has(event.kind), at: 'queue' }
      entries.push(entry)
      bytes += entry.bytes
      if (entry.expendable) expendables += 1
      makeRoom()
    },
    next() {
      for (;;) {
        if (gap !== null && gapInFlight === null && !gapRefused) {
          gapInFlight = gap
          gap = null
          return { kind: 'dropped', gap: gapInFlight }
        }
        const position = entries.findIndex((e) => e.at === 'queue')
        const entry = entries[position]
        if (entry === undefined) return null
        if (entry.bytes <= messageBytes) {
          entry.at = 'flight'
          return { kind: 'event', event: entry.event, replayed: entry.event.seq <= replayedTo }
        }
        drop(position, 'too_large')
      }
    },
    settle(parcel) {
      if (parcel.kind === 'dropped') gapInFlight = null
      else take(entries.findIndex((entry) => entry.event === parcel.event))
    },
    refuse(parcel) {
      if (parcel.kind === 'dropped') {
        gap = mergeGaps(gapInFlight, gap)
        gapInFlight = null
        gapRefused = true
        return
      }
      const entry = entries.find((e) => e.event === parcel.event)
      if (entry !== undefined) entry.at = 'refused'
    },
    retryRefused() {
      gapRefused = false
      for (const entry of entries) if (entry.at === 'refused') entry.at = 'queue'
    },
    connected(limit) {
      messageBytes = limit
      replayedTo = newest ?? 0
    },
    lost() {
      gap = mergeGaps(gapInFlight, gap)
      gapInFlight = null
      gapRefused = false
      for (const entry of entries) entry.at = 'queue'
    },
    acknowledged() {
      if (newest === null) return null
      const open = [entries[0]?.event.seq, gap?.fromSeq, gapInFlight?.fromSeq].filter((seq) => seq !== undefined)
      return open.length === 0 ? newest : Math.min(...open) - 1
    },
    size: () => entries.length + (gap === null && gapInFlight === null ? 0 : 1),
    bytes: () => bytes,
    dropped: () => dropped,
  }
}

export interface Gap {
  /** The first and the last sequence number given up; between them there may be some that are told. */
  readonly fromSeq: number
  readonly toSeq: number
  readonly count: number
  /** How many of each kind; `unknown` for events that history had forgotten already. */
  readonly byKind: Readonly<Record<string, number>>
}

/** Both in one; either may be missing. */
export function mergeGaps(a: Gap | null, b: Gap | null): Gap | null {
  if (a === null) return b
  if (b === null) return a
  const byKind: Record<string, number> = { ...a.byKind }
  for (const [kind, n] of Object.entries(b.byKind)) byKind[kind] = (byKind[kind] ?? 0) + n
  return {
    fromSeq: Math.min(a.fromSeq, b.fromSeq),
    toSeq: Math.max(a.toSeq, b.toSeq),
    count: a.count + b.count,
    byKind,
  }
}
