// What systemd reports of a unit that can explain a crash later, as last read or signalled.

export interface CrashFacts {
  /** MemoryMax in bytes; null without a limit. */
  readonly memoryMax: number | null
  /** The unit file, its drop-ins, and the program of each ExecStart=; none in a root directory or image of its own. */
  readonly files: readonly string[]
  /** The last STATUS= of the service (sd_notify(3)), at most 256 characters; null if it sent none, or unless `explain` is on. */
  readonly statusText: string | null
}
