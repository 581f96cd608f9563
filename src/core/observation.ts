// What the bus, the clock and the operator tell: the only inputs of `step`.
import type { ControlProblem, Outcome, UnitCommand } from './command.ts'
import type { Policy } from './state.ts'
import type { Counters, ProvenRun, Settings, UnitSnapshot } from './unit.ts'

/** One instant, in both clocks. Order is by `monoMs` (CLOCK_MONOTONIC): gateways boot in 1970. */
export interface Instant {
  readonly monoMs: number
  readonly wallMs: number
}

export type Observation =
  /** A PropertiesChanged of the unit, with the cause that came just before it. */
  | { readonly kind: 'signal'; readonly unit: string; readonly at: Instant; readonly snapshot: UnitSnapshot }
  /** The answer to a read: as atomic as a signal, at its place in the stream, settings included. */
  | {
      readonly kind: 'read'
      readonly unit: string
      readonly at: Instant
      readonly snapshot: UnitSnapshot
      readonly settings: Settings
    }
  /** What to watch from now on, by name and by pattern; counts of units that stay are kept. */
  | {
      readonly kind: 'watch'
      readonly at: Instant
      readonly units: readonly string[]
      readonly patterns: readonly string[]
    }
  /** The bus was away and is back: what happened meanwhile went unseen. Comes before the reads. */
  | { readonly kind: 'gap'; readonly at: Instant }
  /** What the journal tells of this boot until the gap ended, oldest run first, by unit. Comes after the gap. */
  | { readonly kind: 'proof'; readonly at: Instant; readonly runs: ReadonlyMap<string, readonly ProvenRun[]> }
  /** A unit that a pattern began to match while we watch. */
  | { readonly kind: 'discovered'; readonly at: Instant; readonly unit: string }
  /** Time passed: what waits for the next signal or for this. */
  | { readonly kind: 'tick'; readonly at: Instant }
  /** The agent started in this boot; runs left open by another boot are lost. */
  | { readonly kind: 'boot'; readonly at: Instant; readonly bootId: string }
  | { readonly kind: 'clock'; readonly at: Instant; readonly synced: boolean | null }
  /** The configuration changed what flapping is. */
  | { readonly kind: 'policy'; readonly at: Instant; readonly policy: Policy }
  /** An operator zeroes the counters; what runs is one start. */
  | { readonly kind: 'clear'; readonly at: Instant }
  /** Counters of the former program, by unit name. */
  | { readonly kind: 'import'; readonly at: Instant; readonly baselines: ReadonlyMap<string, Counters> }
  /** An order of an operator was obeyed, or could not be. The unit may be one that is not watched. */
  | ({ readonly kind: 'command'; readonly at: Instant; readonly outcome: Outcome | ControlProblem } & UnitCommand)
