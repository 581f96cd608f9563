// The contracts between the agent and what it talks to; nothing else lives here.
import type { QueuedJob } from './core/api-views.ts'
import type { Action, CommandResult, UnitCommand } from './core/command.ts'
import type { Event } from './core/event.ts'
import type { Histogram } from './core/histogram.ts'
import type { Instant, Observation } from './core/observation.ts'
import type { State } from './core/state.ts'
import type { Cause } from './core/unit.ts'

/** Environment variables by name, as process.env holds them. */
export type Env = Readonly<Record<string, string | undefined>>

/** Both clocks at once, and one timer. */
export interface Clock {
  now(): Instant
  /** Calls back once after `ms`; returns its undo. */
  after(ms: number, call: () => void): () => void
}

export type Level = 'debug' | 'info' | 'warning' | 'error'

/** One line when something changed. `fields` go into JSON logs. Never throws. */
export type Log = (level: Level, message: string, fields?: Readonly<Record<string, unknown>>) => void

/** Where observations come from: systemd on the bus. */
export interface UnitSource {
  /**
   * Starts watching and resolves at once; connecting, reconnecting and reconciling go on behind it.
   * `observe` is called synchronously, in the order of the bus, and must not throw.
   */
  start(observe: (observation: Observation) => void): void
  /** Reads every unit again and resolves when done, or false where there is no bus. */
  reconcile(): Promise<boolean>
  /** Replaces the configured names and patterns. */
  watch(patterns: readonly string[]): void
  health(): BusHealth
  /** Resolves when the first attempt at the bus has ended, whether or not somebody was there. */
  firstAttempt(): Promise<void>
  /** Monotonic ms of the last answer to any call; null while there was none. */
  lastReplyAtMonoMs(): number | null
  /** systemd as a whole, asked now and then; null while nobody tells. */
  system(): SystemHealth | null
  /** The same asked now, with the names; null where nobody answers. */
  readSystem(): Promise<SystemDetail | null>
  /** Path of a watched unit's control group below the hierarchy's root; null where it has none, or before it was read. */
  controlGroup(unit: string): string | null
  /**
   * Watched units that a shutdown under way will end before it ends us; null while there is none, or nobody to ask.
   * Answers within a few seconds.
   */
  unitsShuttingDown(): Promise<ReadonlySet<string> | null>
  stop(): Promise<void>
}

export interface SystemHealth {
  /** SystemState: running, degraded, starting, ... */
  readonly state: string
  readonly failedUnits: number
  readonly jobs: number
  /** Seconds that each stage of booting took; null where there was none, or while it is not over. */
  readonly boot: Readonly<Record<'firmware' | 'loader' | 'kernel' | 'initrd' | 'userspace', number | null>>
}

export interface SystemDetail extends SystemHealth {
  /** As systemd tells it: `252.38-1~deb12u1`. */
  readonly version: string
  readonly failed: readonly string[]
  readonly queue: readonly QueuedJob[]
}

export interface BusHealth {
  readonly connected: boolean
  /** Monotonic ms since when there is no bus, null while connected. */
  readonly lostAtMonoMs: number | null
  /** Why not connected, in words; null while connected. */
  readonly problem: string | null
  readonly signals: number
  readonly reconnects: number
  /** Signals that could not be decoded, and connections given up for it. */
  readonly malformed: number
  /** How long answers took, by what was called. */
  readonly callSeconds: Readonly<Record<string, Histogram>>
}

/** What a unit uses, as the kernel accounts for it; null where it does not. */
export interface UnitUsage {
  readonly memoryBytes: number | null
  readonly cpuSeconds: number | null
  readonly tasks: number | null
}

/** Parts of 1; null, or no entry, where it cannot be known. */
export interface HostUsage {
  readonly memory: number | null
  /** Since the reading before, at least a second ago; the first one is since boot. */
  readonly cpu: number | null
  readonly disks: readonly { readonly path: string; readonly used: number }[]
  readonly flash: readonly { readonly device: string; readonly lifeUsed: number }[]
}

/** One step of the agent: what was, what is, what is told of it. */
export interface Step {
  readonly before: State
  readonly after: State
  readonly events: readonly Event[]
  readonly at: Instant
}

/** Whoever is told of steps: log, MQTT, streams. Returns at once and never throws. */
export interface EventSink {
  accept(step: Step): void
  stop(): Promise<void>
}

/** Keeps State over restarts of the agent and of the gateway. */
export interface StateStore {
  /** Notes the newest state and its events; writes when its policy says so. Returns at once, never throws. */
  remember(step: Step): void
  /** The state as of the last commit: what flash surely holds. Live while degraded. */
  committed(): State
  /** Commits now if something is not on flash yet and the governor has a token for a reader. */
  commitForReader(): Promise<void>
  /** Commits now whatever the governor says; resolves false where flash refused. */
  flush(): Promise<boolean>
  /** Recent events, oldest first: those on flash and those of this run. */
  history(): readonly Event[]
  health(): StoreHealth
  /** Writes a snapshot marked clean and closes. */
  stop(): Promise<void>
}

export interface StoreHealth {
  readonly path: string
  /** Why flash does not hold what it should, in words; null while it does. */
  readonly problem: string | null
  readonly commits: number
  readonly bytesWritten: number
  readonly errors: Readonly<Record<'EIO' | 'ENOSPC' | 'EROFS' | 'other', number>>
  readonly lastCommitMs: number | null
  /** Durations of commits in seconds since start: cumulative counts per bucket, sum and count. */
  readonly commitSeconds: Histogram
}

/** What was asked of us by HTTP. */
export interface HttpHealth {
  /** By the route's path in the table; `other` where there is none. */
  readonly requests: readonly { readonly route: string; readonly code: string; readonly count: number }[]
  readonly seconds: Readonly<Record<string, Histogram>>
  /** Slow readers of the stream that were cut off. */
  readonly streamClientsDropped: number
}

/** How delivery to the broker goes. */
export interface MqttHealth {
  readonly connected: boolean
  /** Why not connected, or what the broker refuses, in words; null while all is well. */
  readonly problem: string | null
  /** Events that the broker does not have yet, and a record of dropped ones where there is one. */
  readonly queued: number
  /** Messages of any kind that the broker has acknowledged. */
  readonly published: number
  readonly eventsPublished: number
  /** Connections after the first one. */
  readonly reconnects: number
  /** Events given up, by reason. */
  readonly dropped: Readonly<Record<'overflow' | 'forgotten' | 'too_large', number>>
  /** The broker has every event up to this sequence number, or was told that it is gone; null when it never had any. */
  readonly acknowledged: number | null
}

/**
 * Operates units, over D-Bus or by `systemctl`: the same answers and the same errors from both. Units are named in full
 * (`mosquitto.service`). Whatever cannot be done rejects with a `ControlError`.
 */
export interface UnitControl {
  /** Waits for the job, however it ends, and tells what became of it; with `noWait` it resolves as `queued` at once. */
  run(action: Action, unit: string, noWait?: boolean): Promise<CommandResult>
  /** Lets systemd read all unit files again. */
  daemonReload(): Promise<void>
  /** Every unit that systemd has loaded, in the order of names. */
  list(): Promise<readonly ListedUnit[]>
  /** Also of a unit that is not loaded, or that does not exist: its load state says so. */
  status(unit: string): Promise<UnitStatus>
  /** All that has no structure, as `systemctl show` names it: texts, `yes`, numbers (times in us), words of a list. */
  properties(unit: string): Promise<Readonly<Record<string, string>>>
  /** Lets go of the bus. The next operation takes it up again. */
  close(): void
}

export interface ListedUnit {
  readonly unit: string
  readonly description: string
  readonly loadState: string
  readonly activeState: string
  readonly subState: string
}

/** One unit in detail. What systemd does not know is null. */
export interface UnitStatus extends ListedUnit {
  /** `enabled`, `disabled`, `static`, ... */
  readonly fileState: string | null
  /** Monotonic ms of the last change of its state in this boot. */
  readonly changedAtMonoMs: number | null
  /** Why the last run ended badly. */
  readonly cause: Cause | null
  readonly mainPid: number | null
  /** Automatic restarts since it was last started by hand. */
  readonly restarts: number | null
  readonly memoryBytes: number | null
  readonly cpuSeconds: number | null
  readonly tasks: number | null
  readonly user: string | null
  readonly workingDirectory: string | null
  /** Command lines with the setting that each stands in: `ExecStart`. */
  readonly commands: readonly { readonly setting: string; readonly line: string }[]
  /** Names only: values may be secret. */
  readonly environmentNames: readonly string[]
  readonly environmentFiles: readonly string[]
  readonly file: string | null
  readonly dropIns: readonly string[]
  /** Units by the kind of dependency, both ways: `Requires`, `RequiredBy`, ...; only kinds that have any. */
  readonly dependencies: Readonly<Record<string, readonly string[]>>
}

/** Orders to the running agent, by HTTP or MQTT: checked, carried out, and told as an event of the kind `command`. */
export interface UnitCommands {
  /**
   * Obeys, or rejects with a `ControlError`: `denied`, which is no event, where the configuration does not let the unit
   * be controlled. Whoever calls has made sure that the sender may (a token, the socket's permissions).
   */
  run(order: UnitCommand): Promise<CommandResult>
  /** Null where this unit may be controlled now, else why not, in words. */
  refusal(unit: string): string | null
}
