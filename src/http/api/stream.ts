// The live stream: sends each event to all readers, and states to those that want them; a reader that falls behind continues
// from the stored history of events, and with the newest state of each unit.

import type { Event } from '../../core/event.ts'
import { eventJson, type Identity, type Json } from '../../core/views/api-json.ts'
import { changedStates, stateJson, type UnitState } from '../../core/views/unit-state.ts'
import type { Clock, EventSink, Step, UnitSource } from '../../ports.ts'
import { type AllUnits, createAllUnits } from './all-units.ts'
import { droppedBefore, type EventFilter, eventsAfter, matchesFilter, redactedFor } from './event-query.ts'
import { createStateQueue, type StateQueue } from './state-queue.ts'
import type { StreamWriter } from './stream-writer.ts'

/** Proxies and clients drop connections that are silent for longer. */
const HEARTBEAT_EVERY_MS = 15_000

/** A reader that takes nothing for this long is disconnected; it can resume with Last-Event-ID. */
const SLOW_FOR_AT_MOST_MS = 30_000

/** Streams stay open, so they may use only a part of the connections. */
const READERS_AT_MOST = 16

/** What a reader gets. */
export interface StreamRequest {
  readonly trusted: boolean
  readonly filter: EventFilter
  /** The last sequence number that this reader has; -1: none. */
  readonly after: number
  /** The states of which units it gets beside the events. */
  readonly states: 'none' | 'watched' | 'all'
}

export interface EventStream extends EventSink {
  /** False when there are too many readers. */
  hasRoom(): boolean
  addReader(writer: StreamWriter, request: StreamRequest): void
  /** To be called, and `begin` to be awaited, before a reader is added that wants the states of all units. */
  readonly allUnits: Pick<AllUnits, 'begin'>
  /** How many readers were disconnected for being slow or for sending too much. */
  dropped(): number
}

interface StreamReader extends Omit<StreamRequest, 'after'> {
  readonly writer: StreamWriter
  readonly queue: StateQueue
  /** Called when it is gone. */
  readonly release: () => void
  /** The last event that was sent, or skipped by the filter. */
  at: number
  /** While its buffer is full: cancels the timer that will disconnect it. */
  slow: (() => void) | null
}

/** What the stream sends. */
export interface StreamViews extends Pick<UnitSource, 'followAll'> {
  identity(): Identity
  /** Recent events, oldest first. */
  history(): readonly Event[]
}

/**
 * A reader has no queue of events, only a position. What does not fit into its connection's buffer is read from history once
 * the buffer has drained, so a slow reader costs no memory; events no longer stored by then are reported as `dropped`.
 */
export function createEventStream(views: StreamViews, clock: Clock): EventStream {
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
    reader.slow = clock.after(SLOW_FOR_AT_MOST_MS, () => drop(reader))
    reader.writer.onceDrained(() => {
      reader.slow?.()
      reader.slow = null
      catchUp(reader)
      reader.queue.resume()
    })
  }

  function drop(reader: StreamReader): void {
    dropped += 1
    remove(reader)
    reader.writer.destroy()
  }

  /** Disconnects a reader for which more states wait than it can ever get in time: it has to read them all again. */
  function sendState(reader: StreamReader, state: UnitState): void {
    const isWanted = reader.filter.units?.(state.unit) ?? true
    if (isWanted && !reader.queue.add(state)) drop(reader)
  }

  const allUnits = createAllUnits(
    views.followAll,
    (state) => {
      for (const reader of [...readers]) if (reader.states === 'all') sendState(reader, state)
    },
    clock,
  )

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
    if (!readers.delete(reader)) return
    reader.slow?.()
    reader.queue.stop()
    reader.release()
    if (readers.size > 0) return
    cancelHeartbeat?.()
    cancelHeartbeat = null
  }

  return {
    hasRoom: () => readers.size < READERS_AT_MOST,
    dropped: () => dropped,
    allUnits,
    addReader(writer, { trusted, filter, after, states }) {
      const queue = createStateQueue(clock, {
        send: (state) => attempt(reader, () => writer.write(null, 'state', stateJson(state))),
        canReceive: () => reader.slow === null,
      })
      const release = states === 'all' ? allUnits.hold() : () => {}
      const reader: StreamReader = { writer, trusted, filter, states, queue, release, at: after, slow: null }
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
      if (readers.size === 0) return
      for (const reader of readers) {
        // An event that was already read from history may arrive here afterwards: it is skipped.
        for (const event of step.events) if (reader.slow === null && event.seq > reader.at) send(reader, event, false)
      }
      const followers = [...readers].filter(({ states }) => states !== 'none')
      if (followers.length === 0) return
      for (const state of changedStates(step.before, step.after)) {
        for (const reader of followers) sendState(reader, state)
      }
    },
    async stop() {
      allUnits.stop()
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
