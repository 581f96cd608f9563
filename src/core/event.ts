// The events that `step` produces: a closed union in which each kind has exactly its own fields.
import type { Cause, Counters } from './unit.ts'

/** How an event became known: from a D-Bus signal when it happened, or by reconciliation afterwards. */
export type Source = 'signal' | 'reconcile'

/** The states before and after a change. */
export interface StateChange {
  readonly fromState: string
  readonly toState: string
  readonly subState: string
}

interface EventBase {
  /** Counts up per state file and is never reused; the id of an event is `<stream>-<seq>`. */
  readonly seq: number
  readonly atMs: number
  readonly bootId: string
  readonly source: Source
  /** Whether the clock was synchronised when `atMs` was taken; null if unknown. */
  readonly clockSynced: boolean | null
  /** Only on the first event after an unclean start: how many sequence numbers before it were skipped. */
  readonly seqGap?: number
}

interface UnitEvent extends EventBase {
  readonly unit: string
  /** Live counters, including the baseline and this event. */
  readonly counters: Counters
}

export interface StartEvent extends UnitEvent, StateChange {
  /** `restart`: the run directly followed another run of the unit. */
  readonly kind: 'start' | 'restart'
  /** Null for a run that is proven but was not observed. */
  readonly invocationId: string | null
}

interface StopEvent extends UnitEvent, StateChange, Cause {
  readonly kind: 'stop'
  readonly invocationId: string
  readonly requested: boolean
}

export interface CrashEvent extends UnitEvent, StateChange, Cause {
  readonly kind: 'crash'
  /** Null for a run that is proven but was not observed. */
  readonly invocationId: string | null
  readonly requested: boolean
  /** A forecast from the unit's Restart settings; null if they do not decide it. */
  readonly willRestart: boolean | null
  /** The last journal lines of the run, oldest first, if configured and readable. Not stored. */
  readonly log?: readonly string[]
}

interface LostEvent extends UnitEvent {
  readonly kind: 'lost'
  /** Null if not even the id of the run is known. */
  readonly invocationId: string | null
}

interface GaveUpEvent extends UnitEvent, StateChange {
  readonly kind: 'gave_up'
  readonly result: string
}

interface FlappingEvent extends UnitEvent {
  readonly kind: 'flapping'
  /** True when flapping begins, false when it ends. */
  readonly flapping: boolean
  readonly crashesInWindow: number
  readonly windowSeconds: number
}

interface SummaryEvent extends UnitEvent {
  readonly kind: 'summary'
  readonly counted: Counters
  readonly byResult: Readonly<Record<string, number>>
  readonly firstMs: number
  readonly lastMs: number
}

/** A start job that ended without a run. */
interface StartRefusedEvent extends UnitEvent {
  readonly kind: 'start_refused'
  /** systemd's job result (`dependency`, `timeout`, `canceled`, ...), or `start-limit-hit`. */
  readonly result: string
}

interface AppearanceEvent extends UnitEvent {
  readonly kind: 'unit_appeared' | 'unit_vanished'
  readonly loadState: string
}

/** A command that the agent tried to carry out; recorded when its outcome is known, with the counters of that time. */
interface CommandEvent extends UnitEvent {
  readonly kind: 'command'
  /** `Action`, `Outcome` (or the `ControlProblem` that prevented it) and `Via`, unchanged. */
  readonly action: string
  readonly outcome: string
  readonly via: string
  readonly who: string | null
}

export type Event =
  | StartEvent
  | StopEvent
  | CrashEvent
  | LostEvent
  | GaveUpEvent
  | FlappingEvent
  | SummaryEvent
  | AppearanceEvent
  | StartRefusedEvent
  | CommandEvent

export type EventKind = Event['kind']

export const EVENT_KINDS: readonly EventKind[] = [
  'start',
  'restart',
  'stop',
  'crash',
  'lost',
  'gave_up',
  'flapping',
  'summary',
  'unit_appeared',
  'unit_vanished',
  'start_refused',
  'command',
]
