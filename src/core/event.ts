// The events that `step` produces: a closed union in which each kind has exactly its own fields.
import type { After, Because, Cause, Evidence } from './explain/evidence.ts'
import type { Counters } from './unit.ts'

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

interface UnitEventBase extends EventBase {
  readonly unit: string
  /** Live counters, including the baseline and this event. */
  readonly counters: Counters
}

/** An event of the agent itself: it is about no unit, and has no counters. */
interface AgentEventBase extends EventBase {
  readonly unit: null
  readonly counters: null
}

export interface StartEvent extends UnitEventBase, StateChange {
  /** `restart`: the run directly followed another run of the unit. */
  readonly kind: 'start' | 'restart'
  /** Null for a run that is proven but was not observed. */
  readonly invocationId: string | null
}

/** What ended a run, if another unit did. */
interface EndEventBase extends UnitEventBase {
  readonly because?: Because
  /** Never the unit of `because`. */
  readonly after?: After
}

interface StopEvent extends EndEventBase, StateChange, Cause {
  readonly kind: 'stop'
  readonly invocationId: string
  readonly requested: boolean
}

export interface CrashEvent extends EndEventBase, StateChange, Cause {
  readonly kind: 'crash'
  /** Null for a run that is proven but was not observed. */
  readonly invocationId: string | null
  readonly requested: boolean
  /** A forecast from the unit's Restart settings; null if they do not decide it. */
  readonly willRestart: boolean | null
  /** The last journal lines of the run, oldest first, if configured and readable. Not stored. */
  readonly log?: readonly string[]
  readonly evidence?: Evidence
}

interface LostEvent extends EndEventBase {
  readonly kind: 'lost'
  /** Null if not even the id of the run is known. */
  readonly invocationId: string | null
}

interface GaveUpEvent extends UnitEventBase, StateChange {
  readonly kind: 'gave_up'
  readonly result: string
}

interface FlappingEvent extends UnitEventBase {
  readonly kind: 'flapping'
  /** True when flapping begins, false when it ends. */
  readonly flapping: boolean
  readonly crashesInWindow: number
  readonly windowSeconds: number
}

interface SummaryEvent extends UnitEventBase {
  readonly kind: 'summary'
  readonly counted: Counters
  readonly byResult: Readonly<Record<string, number>>
  readonly firstMs: number
  readonly lastMs: number
}

/** A start job that ended without a run. */
interface StartRefusedEvent extends UnitEventBase {
  readonly kind: 'start_refused'
  /** systemd's job result (`dependency`, `timeout`, `canceled`, ...), or `start-limit-hit`. */
  readonly result: string
}

/** What became known about a crash, or about what ended another run, after its event was published. */
export interface EvidenceEvent extends UnitEventBase {
  readonly kind: 'evidence'
  /** `seq` of the crash, or of the stop. */
  readonly of: number
  /** Only what the crash event did not have, or what replaces it. */
  readonly evidence: Evidence
  readonly because?: Because
}

interface AppearanceEvent extends UnitEventBase {
  readonly kind: 'unit_appeared' | 'unit_vanished'
  readonly loadState: string
}

/** A command that the agent tried to carry out; recorded when its outcome is known, with the counters of that time. */
interface CommandEvent extends UnitEventBase {
  readonly kind: 'command'
  /** `Action`, `Outcome` (or the `ControlProblem` that prevented it) and `Via`, unchanged. */
  readonly action: string
  readonly outcome: string
  readonly via: string
  readonly who: string | null
}

/** A user cleared the counters, and with them the stored events unless they were to be kept. */
interface ClearEvent extends AgentEventBase {
  readonly kind: 'command'
  readonly action: 'clear'
  readonly outcome: 'done'
  readonly via: string
  readonly who: null
}

/** The state came from another machine: the card, or an image of it, was moved or copied. The first event of a stream. */
interface IdentityChangedEvent extends AgentEventBase {
  readonly kind: 'identity_changed'
  /** Derived ids (machine-id(5)). */
  readonly formerMachineId: string
  readonly machineId: string
  /** Null if the state contained none. */
  readonly formerGatewayId: string | null
  readonly gatewayId: string
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
  | EvidenceEvent
  | CommandEvent
  | ClearEvent
  | IdentityChangedEvent

/** An event about a unit, not about the agent itself. */
export type UnitEvent = Extract<Event, { readonly unit: string }>

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
  'identity_changed',
  'evidence',
]

/** True for an id as events have it, `<stream>-<seq>`; of which stream does not matter. */
export function isEventId(text: string): boolean {
  return /^[0-9a-f]{16}-\d{1,15}$/.test(text)
}
