// Events as they happen, to any number of readers, with history as everybody's queue.
import { eventJson, type Identity, type Json } from '../../core/api-json.ts'
import type { Event } from '../../core/event.ts'
import type { Clock, EventSink, Step } from '../../ports.ts'
import { droppedBefore, eventsAfter, type Filter, shownTo, wants } from './event-query.ts'
import type { Outlet } from './stream-writer.ts'

/** Proxies and clients give up on a connection that is silent for longer. */
const HEARTBEAT_EVERY_MS = 15_000

/** A reader that takes nothing for this long is cut off; it comes back with Last-Event-ID. */
const SLOW_FOR_AT_MOST_MS = 30_000

/** Streams stay open, so they may take only a part of the connections. */
const READERS_AT_MOST = 16

export interface Stream extends EventSink {
  /** False when there are too many readers. `after`: the last sequence number that this one has seen, -1 for none. */
  hasRoom(): boolean
  read(outlet: Outlet, trusted: boolean, filter: Filter, after: number): void
  /** Readers cut off for being slow. */
  dropped(): number
}

interface Reader {
  readonly outlet: Outlet
  readonly trusted: boolean
  readonly filter: Filter
  /** The last event it was given or did not want. */
  at: number
  /** While it does not take more: the undo of its cutting off. */
  slow: (() => void) | null
}

/**
 * A reader holds no queue, only its place: what does not fit into its connection is read from history when it drains,
 * so that a slow reader costs nothing; what history has forgotten by then is told as `dropped`.
 */
export function createStream(views: { identity(): Identity; history(): readonly Event[] }, clock: Clock): Stream {
  const readers = new Set<Reader>()
  let stopHeart: (() => void) | null = null
  let dropped = 0

  function tell(reader: Reader, event: Event, replayed: boolean): void {
    const missing = droppedBefore(event, reader.at)
    const from = reader.at + 1
    reader.at = event.seq
    if (missing > 0) write(reader, () => reader.outlet.tell(null, 'dropped', droppedJson(missing, from)))
    if (!wants(reader.filter, event)) return
    const identity = views.identity()
    const shown = eventJson(shownTo(reader.trusted, event), identity, replayed)
    write(reader, () => reader.outlet.tell(`${identity.stream}-${event.seq}`, event.kind, shown))
  }

  function write(reader: Reader, say: () => boolean): void {
    if (say() || reader.slow !== null) return
    reader.slow = clock.after(SLOW_FOR_AT_MOST_MS, () => {
      dropped += 1
      reader.outlet.cut()
    })
    reader.outlet.onceDrained(() => {
      reader.slow?.()
      reader.slow = null
      catchUp(reader)
    })
  }

  function catchUp(reader: Reader): void {
    for (const event of eventsAfter(views.history(), reader.at)) {
      if (reader.slow !== null) return
      tell(reader, event, true)
    }
  }

  function beat(): void {
    for (const reader of readers) if (reader.slow === null) write(reader, reader.outlet.beat)
    stopHeart = clock.after(HEARTBEAT_EVERY_MS, beat)
  }

  function leave(reader: Reader): void {
    reader.slow?.()
    readers.delete(reader)
    if (readers.size > 0) return
    stopHeart?.()
    stopHeart = null
  }

  return {
    hasRoom: () => readers.size < READERS_AT_MOST,
    dropped: () => dropped,
    read(outlet, trusted, filter, after) {
      const reader: Reader = { outlet, trusted, filter, at: after, slow: null }
      outlet.onGone(() => leave(reader))
      readers.add(reader)
      stopHeart ??= clock.after(HEARTBEAT_EVERY_MS, beat)
      write(reader, outlet.beat)
      catchUp(reader)
    },
    accept(step: Step) {
      for (const reader of readers) {
        // What it has caught up with from history may come here late.
        for (const event of step.events) if (reader.slow === null && event.seq > reader.at) tell(reader, event, false)
      }
    },
    async stop() {
      for (const reader of [...readers]) {
        leave(reader)
        reader.outlet.end()
      }
    },
  }
}

function droppedJson(dropped: number, fromSeq: number): Json {
  return { schema: 1, event: 'dropped', dropped, from_seq: fromSeq }
}
