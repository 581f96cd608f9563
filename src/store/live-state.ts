// The live state: the newest State in memory, with recent and uncommitted events and the range of reserved event numbers.
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { PublishedNames } from '../core/topic-names.ts'
import type { Step } from '../ports.ts'
import { changeOf, type StepChange } from './change.ts'
import { type Head, headOf } from './format/head-record.ts'
import type { ResumePoint } from './resume.ts'
import type { Spill } from './spill.ts'
import { createUncommittedEventBuffer, type UncommittedEventBuffer } from './uncommitted-events.ts'

export const HISTORY_EVENTS = 1000
/**
 * Event numbers are reserved in blocks of this size, and the next block when half of one is used. A block covers months
 * of a crash loop while writing to flash fails.
 */
const RESERVED_BLOCK = 10_000_000
/** With no more reserved numbers left than this, a commit is due at once. */
const NUMBERS_LOW = 10_000

export interface LiveState {
  state(): State
  /** Recent events, oldest first; up to twice HISTORY_EVENTS. */
  history(): readonly Event[]
  readonly uncommittedEvents: UncommittedEventBuffer
  /** Applies a step and appends it to the spill. */
  apply(step: Step): StepChange
  /** The page header for `state`. By default: the current reserved bound, not clean, without a budget. */
  head(state: State, differing?: Partial<Pick<Head, 'reserved' | 'clean' | 'budget'>>): Head
  /** True when the reserved bound must be raised by a commit soon. */
  numbersLow(): boolean
  /** The reserved bound to write with a commit of `state`. */
  boundFor(state: State): number
  /** `bound` is on flash now. */
  reserve(bound: number): void
  /** Number of the newest event that the broker has acknowledged. */
  acknowledged(): number
  acknowledge(seq: number): void
  /** The names under which messages are retained at the broker, oldest first. */
  published(): readonly PublishedNames[]
  publishAs(names: readonly PublishedNames[]): void
}

export function createLiveState(start: ResumePoint, reservedAtStart: number, spill: Spill): LiveState {
  const uncommittedEvents = createUncommittedEventBuffer({ events: start.spilled, dropped: [] })
  let live = start.state
  let history = start.history.slice(-HISTORY_EVENTS)
  let reserved = reservedAtStart
  let { acknowledged, published } = start

  function head(state: State, differing: Partial<Pick<Head, 'reserved' | 'clean' | 'budget'>> = {}): Head {
    return headOf(state, { reserved, acknowledged, published, clean: false, ...differing })
  }

  return {
    state: () => live,
    history: () => history,
    uncommittedEvents,
    apply(step) {
      const { after, events } = step
      const change = changeOf({ ...step, before: live })
      if (after.clearedSeq !== live.clearedSeq) {
        history = []
        uncommittedEvents.take()
      }
      live = after
      if (!change.any) return change
      if (events.length > 0) {
        uncommittedEvents.add(events)
        history.push(...events)
        if (history.length > 2 * HISTORY_EVENTS) history = history.slice(-HISTORY_EVENTS)
      }
      if (change.fitsDelta) spill.add(head(after), change.units, events)
      else spill.addWhole(head(after), after, events)
      return change
    },
    head,
    numbersLow: () => reserved - live.seq < NUMBERS_LOW,
    boundFor: ({ seq }) => (reserved - seq < RESERVED_BLOCK / 2 ? seq + RESERVED_BLOCK : reserved),
    reserve(bound) {
      reserved = bound
    },
    acknowledged: () => acknowledged,
    acknowledge(seq) {
      acknowledged = Math.max(acknowledged, seq)
    },
    published: () => published,
    publishAs(names) {
      published = names
    },
  }
}
