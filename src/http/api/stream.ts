// The live event stream: sends each event to all readers; a reader that falls behind continues from the stored history.

import type { Event } from '../../core/event.ts'
import { eventJson, type Identity, type Json } from '../../core/views/api-json.ts'
import type { Clock, EventSink, Step } from '../../ports.ts'
import { droppedBefore, type EventFilter, eventsAfter, matchesFilter, redactedFor } from './event-query.ts'
import type { StreamWriter } from './stream-writer.ts'

/** Proxies and clients drop connections that are silent for longer. */
const HEARTBEAT_EVERY_MS = 15_000

/** A reader that takes nothing for this long is disconnected; it can resume with Last-Event-ID. */
const SLOW_FOR_AT_MOST_MS = 30_000

/** Streams stay open, so they may use only a part of the connections. */
const READERS_AT_MOST = 16

export interface EventStream extends EventSink {
  /** False when there are too many readers. */
  hasRoom(): boolean
  /** `after`: the last sequence number that this reader has; -1: none. */
  addReader(writer: StreamWriter, trusted: boolean, filter: EventFilter, after: number): void
  /** How many readers were disconnected for being slow or for sending too much. */
  dropped(): number
}

interface StreamReader {
  readonly writer: StreamWriter
  readonly trusted: boolean
  readonly filter: EventFilter
  /** The last event that was sent, or skipped by the filter. */
  at: number
  /** While its buffer is full: cancels the timer that will disconnect it. */
  slow: (() => void) | null
}

/**
 * A reader has no queue, only a position. What does not fit into its connection's buffer is read from history once the
 * buffer has drained, so a slow reader costs no memory; events no longer stored by then are reported as `dropped`.
 */
export function createEventStream(
  views: { identity(): Identity; history(): readonly Event[] },
  clock: Clock,
): EventStream {
  const readers = new Set<StreamReader>()
  let cancelHeartbeat: (() => void) | null = null
  let dropped = 0

  function send(reader: StreamReader, event: Event, replayed: boolean): void {
    const { writer } = reader
    const missing = droppedBefore(event, reader.at)
    const from = reader.at + 1
    reader.at = event.seq
    if (missing > 0) attempt(reader, () => writer.write(null, 'dropped', droppedJson(missing, from)))
    if (!matchesFilter(reader.filter, event)) return
    const identity = views.identity()
    const data = eventJson(redactedFor(reader.trusted, event), identity, replayed)
    attempt(reader, () => writer.write(`${identity.stream}-${event.seq}`, event.kind, data))
  }

  /** Writes; when the buffer is full, the reader is slow until it has drained. */
  function attempt(reader: StreamReader, write: () => boolean): void {
    if (write() || reader.slow !== null) return
    reader.slow = clock.after(SLOW_FOR_AT_MOST_MS, () => {
      dropped += 1
      reader.writer.destroy()
    })
    reader.writer.onceDrained(() => {
      reader.slow?.()
      reader.slow = null
      catchUp(reader)
    })
  }

  function catchUp(reader: StreamReader): void {
    for (const event of eventsAfter(views.history(), reader.at)) {
      if (reader.slow !== null) return
      send(reader, event, true)
    }
  }

  function heartbeat(): void {
    for (const reader of readers) if (reader.slow === null) attempt(reader, reader.writer.heartbeat)
    cancelHeartbeat = clock.after(HEARTBEAT_EVERY_MS, heartbeat)
  }

  function remove(reader: StreamReader): void {
    reader.slow?.()
    readers.delete(reader)
    if (readers.size > 0) return
    cancelHeartbeat?.()
    cancelHeartbeat = null
  }

  return {
    hasRoom: () => readers.size < READERS_AT_MOST,
    dropped: () => dropped,
    addReader(writer, trusted, filter, after) {
      const reader: StreamReader = { writer, trusted, filter, at: after, slow: null }
      writer.onceClosed((flooded) => {
        if (flooded) dropped += 1
        remove(reader)
      })
      readers.add(reader)
      cancelHeartbeat ??= clock.after(HEARTBEAT_EVERY_MS, heartbeat)
      attempt(reader, writer.heartbeat)
      catchUp(reader)
    },
    accept(step: Step) {
      for (const reader of readers) {
        // An event that was already read from history may arrive here afterwards: it is skipped.
        for (const event of step.events) if (reader.slow === null && event.seq > reader.at) send(reader, event, false)
      }
    },
    async stop() {
      for (const reader of [...readers]) {
        remove(reader)
        reader.writer.end()
      }
    },
  }
}

function droppedJson(dropped: number, fromSeq: number): Json {
  return { schema: 1, event: 'dropped', dropped, from_seq: fromSeq }
}
