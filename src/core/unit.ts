// The model of one watched unit: the last snapshot from systemd, the open run, and the counters.
import type { Cause, LastCrash, LastEnd } from './explain/evidence.ts'
import type { UnitHistory } from './explain/history.ts'
import type { Relations } from './explain/relations.ts'

/** The properties of a unit at one instant, as parsed by the bus adapter. */
export interface UnitSnapshot {
  /** org.freedesktop.systemd1.Unit.ActiveState; an unknown state is passed on unchanged. */
  readonly activeState: string
  readonly subState: string
  /** 32 hex digits that identify the run; null if systemd has none (never started, `-.mount`). */
  readonly invocationId: string | null
  /** Id of the queued job, 0 when none. */
  readonly job: number
  /** `Result` of the type's interface; null for types without one (target, slice, device). */
  readonly result: string | null
  /** `ExecMainCode`: 0 never ran, 1 exited, 2 killed, 3 dumped (CLD_*, waitid(2)). */
  readonly mainCode: number
  /** `ExecMainStatus`: exit code or signal number, depending on `mainCode`. */
  readonly mainStatus: number
  /** `MainPID`; 0 while there is no main process, and until it was read. Not stored. */
  readonly mainPid: number
  readonly nRestarts: number
  /** `StateChangeTimestampMonotonic` in ms, the last one that is known; 0 when the unit never changed in this boot. */
  readonly changedAtMonoMs: number
  /** `FreezerState` is `frozen` (from systemd 246): the processes of the unit are paused. */
  readonly frozen: boolean
}

/** Settings, which are not part of any signal: read when the unit is loaded and at each reconciliation. */
export interface Settings {
  /** `LoadState`: loaded, not-found, masked, error, bad-setting, ... */
  readonly loadState: string
  /** `UnitFileState` is enabled: systemd starts the unit at boot. */
  readonly enabled: boolean
  /** `Restart`; null for unit types without it. */
  readonly restart: string | null
  /** `RestartForceExitStatus` is set: a clean exit may be restarted too. */
  readonly restartForced: boolean
  /** `RestartPreventExitStatus` is set: a failure may not be restarted. */
  readonly restartPrevented: boolean
  /** `ActiveEnterTimestamp` or `InactiveEnterTimestamp` is set: the unit was active at some time in this boot. */
  readonly wasActive: boolean
  /** `TriggeredBy` and `UpheldBy`: units that start this one while they are active (timers, paths, sockets, ...). */
  readonly startedBy: readonly string[]
  /** Which units can end this one, and on which it depends. Not stored. */
  readonly relations?: Relations
}

/** One run of a unit (an invocation in systemd's terms), from its start to its end. */
export interface Run {
  readonly id: string
  readonly openedAtMonoMs: number
  readonly openedAtMs: number
  /** The job that started it, 0 once that job is done. While this job is the queued one, no stop was requested. */
  readonly job: number
  /** A stop or restart job was present while systemd stopped the run and its main process was still alive. */
  readonly requested: boolean
  /**
   * The first bad Result that systemd reported during the run; null while there was none. It remains the Result of the
   * run: `reset-failed` sets systemd's own to `success`, even while ExecStopPost= of a crash is running.
   */
  readonly badResult: string | null
  /** Its start was observed when it happened, so that its length is known. */
  readonly startObserved: boolean
  /** The unit did not run before it in this boot; false if that is not known. */
  readonly firstOfBoot: boolean
}

/** Always: starts = stops + crashes + lost + (1 if a run is open). */
export interface Counters {
  readonly starts: number
  readonly stops: number
  readonly crashes: number
  readonly restarts: number
  readonly lost: number
}

/** Crashes with one Result, split by whether a stop or restart job was queued. */
export interface Failures {
  readonly unrequested: number
  readonly requested: number
}

/** The number of ends in the current window of 60 s, and the summary that replaces events once it exceeds the limit. */
export interface Burst {
  readonly sinceMonoMs: number
  readonly ends: number
  readonly summary: Summary | null
}

export interface Summary {
  readonly counted: Counters
  readonly byResult: Readonly<Record<string, number>>
  readonly firstMs: number
  readonly lastMs: number
}

/**
 * Whether all changes since the last snapshot were observed. `unseen`: there was no snapshot yet. `interrupted`: the
 * agent or the bus was down, and signals may have been missed. `continuous`: every signal was received.
 */
type Tracking = 'unseen' | 'interrupted' | 'continuous'

/** One run of a unit, derived from systemd's journal entries. Every such run happened; others may be missing. */
export interface ProvenRun {
  readonly id: string
  /** It directly followed another run, by automatic restart or by a restart job. Null if no journal entry shows this. */
  readonly restart: 'automatic' | 'job' | null
  /** Automatic restarts just before it that systemd counted but that have no journal entry. */
  readonly missed: number
  /** The last `NRestarts` in the journal before this run; null if there is none. */
  readonly nRestarts: number | null
  /** A stop or restart job stopped it, or is stopping it. */
  readonly requested: boolean
  /** How it ended. Null if the run continues, or if no journal entry shows its end. */
  readonly end: Cause | null
}

export const NO_PROOF: readonly ProvenRun[] = []

export interface Unit {
  /** The name as configured, with its suffix; an alias is not replaced. */
  readonly name: string
  /** The last snapshot; null until there was one in this boot. */
  readonly snapshot: UnitSnapshot | null
  /** The settings as last read; null until they were. */
  readonly settings: Settings | null
  /** The settings may have changed since they were read: a daemon-reload, or a gap. Not stored. */
  readonly settingsStale: boolean
  /** Found through a signal or a list, and not read yet: its first read produces `unit_appeared`. Not stored. */
  readonly discovered: boolean
  /** There has been no connection to systemd for so long that its state is unknown. Not stored. */
  readonly outOfContact: boolean
  /** A unit of `settings.startedBy` is active, so that this one will be started again; null if unknown. Not stored. */
  readonly triggered: boolean | null
  /** Only a pattern matches it: it is forgotten some time after systemd can no longer load it. */
  readonly byPattern: boolean
  readonly run: Run | null
  /** The latest invocation ids of this boot, newest first, at most 3. An id that is not among them is a new run. */
  readonly runIds: readonly string[]
  readonly tracking: Tracking
  /** `NRestarts` as last reported, while `tracking` is continuous. Not stored. */
  readonly reportedRestarts: number
  /** After a gap, until the first snapshot: the runs that the journal proves. Not stored. */
  readonly proven: readonly ProvenRun[]
  /** The job under which the last run ended, or under which systemd restarts the unit: a start under it is a restart. 0: none. */
  readonly endJob: number
  /** A start job that was queued beside the open run: a start under it is not a restart. 0: none. Not stored. */
  readonly startJob: number
  /** The end of the last run was requested: systemd does not restart the unit by itself. */
  readonly stopRequested: boolean
  /** Set while the unit is failed and no run is open: since when, and whether a stop was requested. */
  readonly failed: { readonly sinceMonoMs: number; readonly requested: boolean } | null
  readonly counters: Counters
  /** Imported from the former program; not part of the equation of `Counters`, added in every view. */
  readonly baseline: Counters
  /** Crashes by systemd's Result; the sum of all is `counters.crashes`. */
  readonly failures: Readonly<Record<string, Failures>>
  /** Start jobs that ended without a run, by job result; not part of the equation of `Counters`. */
  readonly startJobsFailed: Readonly<Record<string, number>>
  /** A job that appeared while no run was open, and the number of starts at that time. Not stored. */
  readonly job: { readonly id: number; readonly starts: number } | null
  /** When such a job was canceled; null once it is known whether another job took over. Not stored. */
  readonly canceledAtMonoMs: number | null
  readonly lastCrash: LastCrash | null
  /** Null until something is counted, and if `HISTORIES_AT_MOST` other units crashed later. */
  readonly history: UnitHistory | null
  /** Wall time of systemd's last state change, ms; null until known. */
  readonly changedAtMs: number | null
  /** Monotonic times of the latest unrequested crashes, oldest first, at most `flap.count`. */
  readonly crashTimesMonoMs: readonly number[]
  readonly flapping: boolean
  readonly gaveUp: boolean
  readonly burst: Burst | null
  /** The latest end that was observed. Not stored. */
  readonly lastEnd: LastEnd | null
  /** Since when systemd cannot load the unit; null while it can. */
  readonly goneSinceMonoMs: number | null
  /**
   * Since when this instance, which only a pattern matches, is over and unloaded; null while it is not. Negative if that
   * began in an earlier boot.
   */
  readonly unloadedSinceMonoMs: number | null
}

export const ZERO: Counters = { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 }

/** A unit about which nothing is known yet. */
export function newUnit(name: string): Unit {
  return {
    name,
    snapshot: null,
    settings: null,
    settingsStale: false,
    discovered: false,
    outOfContact: false,
    triggered: null,
    byPattern: false,
    run: null,
    runIds: [],
    tracking: 'unseen',
    reportedRestarts: 0,
    proven: NO_PROOF,
    endJob: 0,
    startJob: 0,
    stopRequested: false,
    failed: null,
    counters: ZERO,
    baseline: ZERO,
    failures: {},
    startJobsFailed: {},
    job: null,
    canceledAtMonoMs: null,
    lastCrash: null,
    history: null,
    changedAtMs: null,
    crashTimesMonoMs: [],
    flapping: false,
    gaveUp: false,
    burst: null,
    lastEnd: null,
    goneSinceMonoMs: null,
    unloadedSinceMonoMs: null,
  }
}

export function addCounters(a: Counters, b: Counters): Counters {
  return {
    starts: a.starts + b.starts,
    stops: a.stops + b.stops,
    crashes: a.crashes + b.crashes,
    restarts: a.restarts + b.restarts,
    lost: a.lost + b.lost,
  }
}

/** The counters that every view shows: the counted values plus the imported baseline. */
export function shownCounters(unit: Unit): Counters {
  return addCounters(unit.counters, unit.baseline)
}

/** The own entry of `record` for a key from outside, so that `toString` is not taken for an entry. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}
