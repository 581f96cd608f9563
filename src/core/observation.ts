// Observations: everything that the bus, the clock, the configuration and users can report; the only inputs of `step`.
import type { ControlProblem, Outcome, UnitCommand } from './command.ts'
import type { Because, Evidence } from './explain/evidence.ts'
import type { Policy } from './state.ts'
import type { Counters, ProvenRun, Settings, UnitSnapshot } from './unit.ts'

/** One instant in both clocks. Only `monoMs` (CLOCK_MONOTONIC) gives the order: many gateways boot in 1970. */
export interface Instant {
  readonly monoMs: number
  readonly wallMs: number
}

export type Observation =
  /** A PropertiesChanged signal of the unit, merged with the cause that came just before it. */
  | {
      readonly kind: 'signal'
      readonly unit: string
      readonly at: Instant
      readonly snapshot: UnitSnapshot
      readonly because?: Because
    }
  /** The reply to a GetAll: as consistent as a signal, in its place in the order of signals, and with the settings. */
  | {
      readonly kind: 'read'
      readonly unit: string
      readonly at: Instant
      readonly snapshot: UnitSnapshot
      readonly settings: Settings
    }
  /** Replaces the watched names and patterns; units that remain watched keep their counters. */
  | {
      readonly kind: 'watch'
      readonly at: Instant
      readonly units: readonly string[]
      readonly patterns: readonly string[]
    }
  /** The bus is connected again after a gap in which signals were missed. Comes before the reads. */
  | { readonly kind: 'gap'; readonly at: Instant }
  /** The runs of this boot up to the end of the gap, from the journal, oldest first, by unit. Comes after the gap. */
  | { readonly kind: 'proof'; readonly at: Instant; readonly runs: ReadonlyMap<string, readonly ProvenRun[]> }
  /** There has been no connection to systemd for so long that the state of every unit is unknown. */
  | { readonly kind: 'contact-lost'; readonly at: Instant }
  /**
   * systemd reloads the files of this unit, or of all units if none is named (a unit that was unloaded is loaded from
   * its current files, without a daemon-reload). Settings are unknown until they are read again.
   */
  | { readonly kind: 'reloading'; readonly at: Instant; readonly unit?: string }
  /** Whether a unit that starts `unit` (a timer, a path, a socket, an upholder) is active. */
  | { readonly kind: 'triggered'; readonly unit: string; readonly at: Instant; readonly active: boolean }
  /** JobNew of a watched unit; the type of the job is in no signal. */
  | { readonly kind: 'job-new'; readonly unit: string; readonly at: Instant; readonly job: number }
  /** The type of a job of a watched unit that was queued beside an open run: `start`, `restart`, `stop`, ... */
  | {
      readonly kind: 'job-type'
      readonly unit: string
      readonly at: Instant
      readonly job: number
      readonly type: string
    }
  /** JobRemoved of a watched unit, with systemd's job result. */
  | {
      readonly kind: 'job-removed'
      readonly unit: string
      readonly at: Instant
      readonly job: number
      readonly result: string
    }
  /** A new unit that matches a watched pattern. */
  | { readonly kind: 'discovered'; readonly at: Instant; readonly unit: string }
  /** systemd has unloaded this unit, and is not reloading. */
  | { readonly kind: 'unloaded'; readonly at: Instant; readonly unit: string }
  /** systemd has listed the units that it has loaded and that match a pattern: these, and no others. */
  | { readonly kind: 'listed'; readonly at: Instant; readonly loaded: ReadonlySet<string> }
  /** Whether an Accept=yes socket starts the instances of this template, one for each connection. */
  | { readonly kind: 'accepting'; readonly at: Instant; readonly template: string; readonly accepting: boolean }
  /** Time passed. Decides what was waiting for a further signal, such as whether systemd gave up. */
  | { readonly kind: 'tick'; readonly at: Instant }
  /** Who the gateway is; the first observation of a start. `machineId`: null if the machine has no persistent id. */
  | { readonly kind: 'identity'; readonly at: Instant; readonly gatewayId: string; readonly machineId: string | null }
  /** The agent started in this boot; runs that were open in another boot are lost. */
  | { readonly kind: 'boot'; readonly at: Instant; readonly bootId: string }
  /**
   * By the wall clock as it is set now, this boot began at `bootedAtMs`. If that differs from before, the clock was set
   * (a gateway without an RTC boots in 1970).
   */
  | { readonly kind: 'clock-set'; readonly at: Instant; readonly bootedAtMs: number }
  | { readonly kind: 'clock'; readonly at: Instant; readonly synced: boolean | null }
  /** The configured limits for flapping changed. */
  | { readonly kind: 'policy'; readonly at: Instant; readonly policy: Policy }
  /**
   * A user resets the counters to zero; each running unit then counts as one start. Unless `keepEvents`, the stored events are
   * cleared, too. `via`: how the command came.
   */
  | {
      readonly kind: 'clear'
      readonly at: Instant
      readonly via: 'socket' | 'state_file'
      readonly keepEvents: boolean
    }
  /** Counters of the former program (the baseline), by unit name. */
  | { readonly kind: 'import'; readonly at: Instant; readonly baselines: ReadonlyMap<string, Counters> }
  /** What became known about the crash with the number `of`, after its event was published. */
  | {
      readonly kind: 'evidence'
      readonly unit: string
      readonly at: Instant
      readonly of: number
      readonly evidence: Evidence
      /** The signature that the crash had before; by default that of the unit's last crash, of unit and cause alone. */
      readonly former?: string
      readonly because?: Because
    }
  /** Which unit ended this run, proven after its event was published. */
  | {
      readonly kind: 'because'
      readonly unit: string
      readonly at: Instant
      readonly run: string
      readonly because: Because
    }
  /** A user's command ended, successfully or not. The unit need not be a watched one. */
  | ({ readonly kind: 'command'; readonly at: Instant; readonly outcome: Outcome | ControlProblem } & UnitCommand)

/** So that counting on never exceeds 2^48, the largest number in a state file. */
export const COUNT_AT_MOST = 2 ** 47

/** Whether a baseline may have this count. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= COUNT_AT_MOST
}
