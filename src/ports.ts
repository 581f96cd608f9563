// The contracts between the agent and its adapters, and nothing else.
import type { Action, CommandResult, UnitCommand } from './core/command.ts'
import type { Event } from './core/event.ts'
import type { CrashFacts } from './core/explain/crash-facts.ts'
import type { Histogram } from './core/histogram.ts'
import type { Instant, Observation } from './core/observation.ts'
import type { State } from './core/state.ts'
import type { ListedUnit, UnitStatus } from './core/unit-status.ts'
import type { QueuedJob } from './core/views/api-views.ts'
import type { UnitState } from './core/views/unit-state.ts'

export type { MqttHealth, RemoteWriteHealth } from './core/views/sink-health.ts'

/** Environment variables by name, as process.env holds them. */
export type Env = Readonly<Record<string, string | undefined>>

/** The monotonic and the wall clock, read at one instant, and one kind of timer. */
export interface Clock {
  now(): Instant
  /** The wall time of this moment of the present boot, by the wall clock as it is set now; the same until it is set. */
  wallMsOf(monoMs: number): number
  /** Calls back once after `ms`, or up to `slackMs` later together with other timers; returns the function that cancels it. */
  after(ms: number, call: () => void, slackMs?: number): () => void
}

export type Level = 'debug' | 'info' | 'warning' | 'error'

/** Logs one line when something changed. `fields` go into JSON logs. Never throws. */
export type Log = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Where observations come from: systemd over D-Bus. */
export interface UnitSource {
  /**
   * Starts watching and returns at once; connecting, reconnecting and reconciling happen in the background.
   * `observe` is called synchronously, in the order of the D-Bus signals, and must not throw.
   */
  start(observe: (observation: Observation) => void): void
  /** Reads every unit again; resolves true when done, false if there is no connection. */
  reconcile(): Promise<boolean>
  /** This process did not run for a while: reports a gap after the signals that did arrive, and reads every unit again. */
  suspectGap(): void
  /** Replaces the configured names and patterns. */
  watch(patterns: readonly string[]): void
  /** The agent has forgotten these units: one that a pattern had found must be found again if it returns. */
  forget(units: readonly string[]): void
  /**
   * Reports each change of state of any unit that is not watched, until it is stopped; at most one caller at a time. `ready`
   * resolves when no later change is missed, or with false if there is no connection.
   */
  followAll(report: (state: UnitState) => void): { readonly ready: Promise<boolean>; stop(): void }
  health(): BusHealth
  /** Resolves when the first attempt to connect has ended, successful or not. */
  firstAttempt(): Promise<void>
  /** Configured patterns that match no unit; empty while there is no connection. */
  unmatchedPatterns(): readonly UnmatchedPattern[]
  /** Monotonic ms of the last reply to any call; null before the first. */
  lastReplyAtMonoMs(): number | null
  /** The state of systemd as a whole, polled; null while it is not known. */
  system(): SystemHealth | null
  /** The same, read now and with the units' names; null if systemd does not respond. */
  readSystem(): Promise<SystemDetail | null>
  /** Whether the kernel counts the clock as synchronised; null if unknown. The query starts systemd-timedated. */
  clockSynchronized(): Promise<boolean | null>
  /** Path of a watched unit's control group below the root of the hierarchy; null if it has none or before it was read. */
  controlGroup(unit: string): string | null
  /** What is known of a unit's settings and files that explains a crash; null before it was read. */
  crashFacts(unit: string): CrashFacts | null
  /** systemd's MemoryPeak of a service, read now; null if systemd has none (before version 255) or does not reply. */
  memoryPeak(unit: string): Promise<number | null>
  /**
   * Watched units that a shutdown in progress will stop before it stops the agent. Null without a shutdown or without a
   * connection, and if systemd does not reply to a call within `withinMs`.
   */
  unitsShuttingDown(withinMs: number): Promise<ReadonlySet<string> | null>
  stop(): Promise<void>
}

export interface UnmatchedPattern {
  readonly pattern: string
  /** `matches nothing`, `matches only aliases`, ... */
  readonly reason: string
}

export interface SystemHealth {
  /** SystemState: running, degraded, starting, ... */
  readonly state: string
  readonly failedUnits: number
  readonly jobs: number
  /** Seconds that each stage of the boot took; null if the stage does not exist or has not finished. */
  readonly boot: Readonly<Record<'firmware' | 'loader' | 'kernel' | 'initrd' | 'userspace', number | null>>
}

export interface SystemDetail extends SystemHealth {
  /** As systemd reports it: `252.38-1~deb12u1`. */
  readonly version: string
  readonly failed: readonly string[]
  readonly queue: readonly QueuedJob[]
}

export interface BusHealth {
  readonly connected: boolean
  /** Monotonic ms at which the connection was lost; null while connected. */
  readonly lostAtMonoMs: number | null
  /** Why it is not connected, one sentence; null while connected. */
  readonly problem: string | null
  readonly signals: number
  readonly reconnects: number
  /** Messages that could not be decoded or were too large, from any client of the bus; some of ours close the connection. */
  readonly malformed: number
  /** How long replies took, by method. */
  readonly callSeconds: Readonly<Record<string, Histogram>>
  /** How many calls failed, by method; empty until one has. */
  readonly callsFailed: Readonly<Record<string, number>>
  /** Configured units that cannot be watched and why, one sentence each. */
  readonly unwatchable: readonly string[]
}

/** Resources that a unit uses, as the kernel accounts for them; null if it does not. */
export interface UnitUsage {
  readonly memoryBytes: number | null
  readonly cpuSeconds: number | null
  readonly tasks: number | null
}

/** Ratios from 0 to 1; null, or no entry, if the value is unknown. */
export interface HostUsage {
  readonly memory: number | null
  /** Since the previous reading, at least a second ago; for the first one since boot. */
  readonly cpu: number | null
  readonly disks: readonly { readonly path: string; readonly used: number }[]
  readonly flash: readonly { readonly device: string; readonly lifeUsed: number }[]
}

/** One step of the agent: the state before, the state after, and the events between them. */
export interface Step {
  readonly before: State
  readonly after: State
  readonly events: readonly Event[]
  readonly at: Instant
}

/** A receiver of steps: log, MQTT, streams. `accept` returns at once and never throws. */
export interface EventSink {
  accept(step: Step): void
  stop(): Promise<void>
}

/** Keeps State across restarts of the agent and of the gateway. */
export interface StateStore {
  /** Takes the newest state and its events, and writes them when the flush policy says so. Returns at once, never throws. */
  remember(step: Step): void
  /** The state as of the last commit, which is on flash; the current state while flash cannot be written. */
  committed(): State
  /** Commits now if something is not on flash yet and the flush budget has a token for a reader. */
  commitForReader(): Promise<void>
  /** Commits now, whatever the flush budget holds; resolves false if the write failed. */
  flush(): Promise<boolean>
  /** Recent events, oldest first: those on flash and those since the last commit. */
  history(): readonly Event[]
  health(): StoreHealth
  /** Writes a snapshot marked clean and closes. */
  stop(): Promise<void>
}

export interface StoreHealth {
  readonly path: string
  /** Why the state file is not up to date, one sentence; null while it is. */
  readonly problem: string | null
  /** What to know beside that, such as that the file was empty at the start; null if there is nothing. */
  readonly note: string | null
  /** The longest time that a change waits for its commit now. */
  readonly delaySeconds: number
  readonly commits: number
  readonly bytesWritten: number
  readonly errors: Readonly<Record<'EIO' | 'ENOSPC' | 'EROFS' | 'other', number>>
  readonly lastCommitMs: number | null
  readonly commitSeconds: Histogram
}

export interface HttpHealth {
  /** By the route's path; `other` if no route matches, `unreadable` if the request was invalid or never complete. */
  readonly requests: readonly { readonly route: string; readonly code: string; readonly count: number }[]
  readonly seconds: Readonly<Record<string, Histogram>>
  /** Clients of the event stream that were disconnected because they were too slow. */
  readonly streamClientsDropped: number
}

/**
 * Operates units over D-Bus or with `systemctl`, with the same results and errors. Units are named in full
 * (`mosquitto.service`). An operation that cannot be done rejects with a `ControlError`.
 */
export interface UnitControl {
  /** Waits for the job and resolves with its result; with `noWait` it resolves with `queued` at once. */
  run(action: Action, unit: string, noWait?: boolean): Promise<CommandResult>
  /** Makes systemd reload all unit files. */
  daemonReload(): Promise<void>
  /** Every unit that systemd has loaded, sorted by name. */
  list(): Promise<readonly ListedUnit[]>
  /** Also works for a unit that is not loaded or does not exist: its load state shows that. */
  status(unit: string): Promise<UnitStatus>
  /** All properties that `systemctl show` prints, by its names: texts, `yes`, numbers (times in us), words of a list. */
  properties(unit: string): Promise<Readonly<Record<string, string>>>
  /** Closes the connection. The next operation connects again. */
  close(): void
}

/** Commands to the running agent over HTTP or MQTT: checked, run, and recorded as an event of kind `command`. */
export interface UnitCommands {
  /**
   * Runs the command, or rejects with a `ControlError`. `denied`, which is not recorded as an event, means that the
   * configuration does not allow the unit to be controlled. The caller has authorised the sender (a token, the socket's
   * permissions).
   */
  run(order: UnitCommand): Promise<CommandResult>
  /** Null if this unit may be controlled now, else why not, one sentence. */
  refusal(unit: string): string | null
}
