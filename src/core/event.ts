// What happened: the events that `step` tells, a closed union with exactly the fields that each kind has.
import type { Cause, Counters } from './unit.ts'

/** How it became known: told by a signal as it happened, or found out afterwards. */
export type Source = 'signal' | 'reconcile'

/** The state a unit went from and to. */
export interface StateChange {
  readonly fromState: string
  readonly toState: string
  readonly subState: string
}

interface EventBase {
  /** One integer per state file, never used twice; an event's id is `<stream>-<seq>`. */
  readonly seq: number
  readonly atMs: number
  readonly bootId: string
  readonly source: Source
  /** Whether the clock was synchronised when `atMs` was taken; null where unknown. */
  readonly clockSynced: boolean | null
  /** On the first event after an unclean start: how many sequence numbers before it were never used. */
  readonly seqGap?: number
}

interface UnitEvent extends EventBase {
  readonly unit: string
  /** Live counts as shown (baseline included), this event included. */
  readonly counters: Counters
}

export interface StartEvent extends UnitEvent, StateChange {
  /** `restart`: the run followed straight from another one of the unit. */
  readonly kind: 'start' | 'restart'
  /** Null for a run that is proven but that nobody saw. */
  readonly invocationId: string | null
}

interface StopEvent extends UnitEvent, StateChange, Cause {
  readonly kind: 'stop'
  readonly invocationId: string
  readonly requested: boolean
}

export interface CrashEvent extends UnitEvent, StateChange, Cause {
  readonly kind: 'crash'
  /** Null for a run that is proven but that nobody saw. */
  readonly invocationId: string | null
  readonly requested: boolean
  /** A forecast from the unit's Restart settings; null where they do not decide it. */
  readonly willRestart: boolean | null
  /** The last lines of the run in the journal, oldest first, where they are asked for and could be had. Not kept. */
  readonly log?: readonly string[]
}

interface LostEvent extends UnitEvent {
  readonly kind: 'lost'
  /** Null where not even the run's id is known. */
  readonly invocationId: string | null
}

interface GaveUpEvent extends UnitEvent, StateChange {
  readonly kind: 'gave_up'
  readonly result: string
}

interface FlappingEvent extends UnitEvent {
  readonly kind: 'flapping'
  /** True when it began, false when it is over. */
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

interface AppearanceEvent extends UnitEvent {
  readonly kind: 'unit_appeared' | 'unit_vanished'
  readonly loadState: string
}

/** An order that the agent obeyed, told when its end is known; the counters are those of that instant. */
interface CommandEvent extends UnitEvent {
  readonly kind: 'command'
  /** An `Action`, `Outcome` (or the `ControlProblem` that kept it from being done) and `Via`, carried as they are. */
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
  'command',
]
