// What is known of one watched unit: what systemd last said, the run that is open, and what was counted.

/** Everything systemd says of a unit at one instant, as parsed by the bus adapter. */
export interface UnitSnapshot {
  /** org.freedesktop.systemd1.Unit.ActiveState; a state unknown to us is carried as itself. */
  readonly activeState: string
  readonly subState: string
  /** 32 hex digits naming the run, or null where systemd gives none (never started, `-.mount`). */
  readonly invocationId: string | null
  /** Id of the queued job, 0 when none. */
  readonly job: number
  /** `Result` of the type's interface; null for types without one (target, slice, device). */
  readonly result: string | null
  /** `ExecMainCode`: 0 never ran, 1 exited, 2 killed, 3 dumped (CLD_*, waitid(2)). */
  readonly mainCode: number
  /** `ExecMainStatus`: exit code or signal number, as `mainCode` says. */
  readonly mainStatus: number
  readonly nRestarts: number
  /** `StateChangeTimestampMonotonic` in ms; 0 when the unit never changed in this boot. */
  readonly changedAtMonoMs: number
}

/** What systemd tells only when asked (it is not part of any signal): read at load and at reconcile. */
export interface Settings {
  /** `LoadState`: loaded, not-found, masked, error, bad-setting, ... */
  readonly loadState: string
  /** `UnitFileState` is enabled: the system starts it at boot. */
  readonly enabled: boolean
  /** `Restart`, or null where the type has none. */
  readonly restart: string | null
  /** `RestartForceExitStatus` is set: an exit that is no failure may be restarted too. */
  readonly restartForced: boolean
  /** `RestartPreventExitStatus` is set: a failure may go without its restart. */
  readonly restartPrevented: boolean
}

/** One run of a unit: systemd's invocation, from its opening to its end. */
export interface Run {
  readonly id: string
  readonly openedAtMonoMs: number
  readonly openedAtMs: number
  /** The job under which it opened, 0 once that is over: while it is the queued one, nobody asked for an end. */
  readonly job: number
}

/** Why a run ended, as systemd's Result and the main process' fate say. */
export interface Cause {
  /** systemd's Result (`exit-code`, `signal`, `watchdog`, ...); `unknown` where no one could say. */
  readonly result: string
  readonly exitCode: number | null
  /** Signal name (`SIGKILL`), null when no signal ended the main process. */
  readonly signal: string | null
  readonly coreDumped: boolean
}

/** The law, always: starts = stops + crashes + lost + (1 if a run is open). */
export interface Counters {
  readonly starts: number
  readonly stops: number
  readonly crashes: number
  readonly restarts: number
  readonly lost: number
}

/** Crashes with one Result, apart by whether a stop or restart job was queued. */
export interface Failures {
  readonly unrequested: number
  readonly requested: number
}

/** The latest crash of a unit. */
interface LastCrash {
  readonly cause: Cause
  readonly requested: boolean
  readonly atMs: number
}

/** Ends in the current window of 60 s, and what a `summary` gathers instead of events, once above the limit. */
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
 * How well we know what happened since the last sighting. `never`: first sight is still to come;
 * `broken`: the agent or the bus was away, things may have gone unseen; `kept`: every signal was heard.
 */
type Tracking = 'unseen' | 'interrupted' | 'continuous'

/** One run of a unit, as systemd's own lines in the journal tell of it. Each of them happened; some may be missing. */
export interface ProvenRun {
  readonly id: string
  /** It followed straight from another run: by systemd's own doing, or by a restart job. Null where no line says so. */
  readonly restart: 'automatic' | 'job' | null
  /** Automatic restarts just before it that systemd counted and of which there is no line. */
  readonly missed: number
  /** `NRestarts` as systemd said it last before this run; null where it said nothing. */
  readonly nRestarts: number | null
  /** Null where it goes on, or where no line tells of its end. */
  readonly end: ProvenEnd | null
}

export interface ProvenEnd {
  readonly cause: Cause
  readonly requested: boolean
}

export const NO_PROOF: readonly ProvenRun[] = []

export interface Unit {
  /** The name as configured (an alias keeps its label), with its suffix. */
  readonly name: string
  /** Last sighting; null until systemd said anything in this boot. */
  readonly snapshot: UnitSnapshot | null
  /** As last read; of an earlier run of the agent until read again. */
  readonly settings: Settings | null
  /** Only a pattern names it: it is forgotten a while after it is gone. */
  readonly byPattern: boolean
  readonly run: Run | null
  /** The latest invocation ids seen in this boot, newest first, at most 3: an id is new when it is none of these. */
  readonly runIds: readonly string[]
  readonly tracking: Tracking
  /** `NRestarts` as systemd told it last, while contact is kept. Not kept on flash. */
  readonly reportedRestarts: number
  /** After an absence, until the first sighting: what the journal proves of it. Not kept. */
  readonly proven: readonly ProvenRun[]
  /** The non-zero job under which the last run ended: a start under the same job is a restart. */
  readonly endJob: number
  /** Failed with no run open: since when, and whether an operator's stop made it so. */
  readonly failed: { readonly sinceMonoMs: number; readonly requested: boolean } | null
  readonly counters: Counters
  /** Imported from the former program; outside the law, added in every view. */
  readonly baseline: Counters
  /** Crashes by systemd's Result; the sum of all is `counters.crashes`. */
  readonly failures: Readonly<Record<string, Failures>>
  readonly lastCrash: LastCrash | null
  /** Wall time of systemd's last state change, ms; null until known. */
  readonly changedAtMs: number | null
  /** Monotonic times of the latest crashes, oldest first, at most `flap.count`. */
  readonly crashTimesMonoMs: readonly number[]
  readonly flapping: boolean
  readonly gaveUp: boolean
  readonly burst: Burst | null
  /** Since when systemd cannot load it, while that is so. */
  readonly goneSinceMonoMs: number | null
}

export const ZERO: Counters = { starts: 0, stops: 0, crashes: 0, restarts: 0, lost: 0 }

/** A unit of which nothing is known yet. */
export function newUnit(name: string): Unit {
  return {
    name,
    snapshot: null,
    settings: null,
    byPattern: false,
    run: null,
    runIds: [],
    tracking: 'unseen',
    reportedRestarts: 0,
    proven: NO_PROOF,
    endJob: 0,
    failed: null,
    counters: ZERO,
    baseline: ZERO,
    failures: {},
    lastCrash: null,
    changedAtMs: null,
    crashTimesMonoMs: [],
    flapping: false,
    gaveUp: false,
    burst: null,
    goneSinceMonoMs: null,
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

/** The counts as every view shows them: what was counted, on top of what was imported. */
export function shownCounters(unit: Unit): Counters {
  return addCounters(unit.counters, unit.baseline)
}

/** `ActiveState` as shown; a unit that systemd has collected, or that it never spoke of, is inactive. */
export function activeState(unit: Unit): string {
  return unit.snapshot?.activeState ?? 'inactive'
}

/** True when systemd could not load the unit: no such file, masked, or a bad one. */
export function isUnloaded(unit: Unit): boolean {
  const load = unit.settings?.loadState
  return load === 'not-found' || load === 'masked' || load === 'error' || load === 'bad-setting'
}

/**
 * Why a unit that should be there is not: systemd's LoadState where it cannot be loaded, `never-started` where it is
 * enabled and did nothing in this boot (a dependency that failed, a condition that was not met).
 */
export function missingReason(unit: Unit): string | null {
  const { settings, snapshot, runIds } = unit
  if (settings === null || isUnloaded(unit)) return settings?.loadState ?? null
  const never = snapshot?.activeState === 'inactive' && snapshot.changedAtMonoMs === 0 && runIds.length === 0
  return settings.enabled && never ? 'never-started' : null
}

/**
 * Wall time of systemd's last state change in ms: now minus its monotonic age, so that it survives a step of the
 * clock; what was noted last where this boot knows none. Null until known.
 */
export function changedAtMs(unit: Unit, now: { readonly monoMs: number; readonly wallMs: number }): number | null {
  const monoMs = unit.snapshot?.changedAtMonoMs ?? 0
  return monoMs > 0 ? now.wallMs - (now.monoMs - monoMs) : unit.changedAtMs
}

/** What `record` itself holds under a key that came from outside: `toString` is not an entry. */
export function own<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}
