// What is known about why a run ended. Every part that is not known is absent.

/** Why a run ended: systemd's Result, and how the main process ended. */
export interface Cause {
  /** systemd's Result (`exit-code`, `signal`, `watchdog`, ...), or `unknown`. */
  readonly result: string
  readonly exitCode: number | null
  /** Signal name (`SIGKILL`); null if no signal ended the main process. */
  readonly signal: string | null
  readonly coreDumped: boolean
}

export interface LastCrash {
  readonly cause: Cause
  readonly requested: boolean
  readonly atMs: number
  /** It happened in this boot: `atMs` follows the wall clock when that is set. */
  readonly thisBoot: boolean
}

/** The unit whose end ended this one, as systemd's graph and the jobs of one transaction prove. */
export interface Because {
  readonly unit: string
  /** The dependency through which it happened (systemd.unit(5)): `BindsTo`, `PartOf`, `Conflicts`, ... */
  readonly relation: string
}

/** Another watched unit that ended shortly before, and on which this one depends or after which it is ordered. Not a proof. */
export interface After {
  readonly unit: string
  /** The event by which it ended. */
  readonly event: 'stop' | 'crash' | 'lost'
  readonly ms: number
}

/** The latest end of a run that was observed when it happened. */
export interface LastEnd {
  readonly event: After['event']
  readonly atMonoMs: number
  /** Number of the event. */
  readonly seq: number
  readonly run: string | null
}

/** Memory of the unit, in bytes. */
export interface MemoryEvidence {
  /** MemoryMax of the unit; absent if there is none. */
  readonly limit?: number
  /** systemd's MemoryPeak (from version 255). */
  readonly peak?: number
  /** The last reading of the agent, where there is no MemoryPeak. */
  readonly lastSeen?: number
}

/** systemd's own record of what the run consumed. */
export interface ResourceEvidence {
  readonly cpuMs?: number
  readonly memoryPeak?: number
  readonly ioReadBytes?: number
  readonly ioWriteBytes?: number
  readonly ipReceivedBytes?: number
  readonly ipSentBytes?: number
}

/** A record of the kernel or of systemd-oomd. */
export interface OomEvidence {
  readonly by: 'kernel' | 'systemd-oomd'
  /** Name of the killed process (`comm`); absent if the record has none. */
  readonly process?: string
  /** Resident memory of the killed process, in bytes. */
  readonly bytes?: number
  /** Whose limit was reached: a unit or control group, or `system` where all memory was used up. */
  readonly limitOf?: string
}

/** systemd-coredump's record. */
export interface CoredumpEvidence {
  readonly executable?: string
  readonly signal?: string
  /** Frames of the crashing thread, topmost first, at most 8: `function (object + 0x1a)`. */
  readonly frames: readonly string[]
}

export interface Evidence {
  /** How long the run lasted. */
  readonly ranMs?: number
  /** Present on the first run of the unit in this boot. */
  readonly firstRunOfBoot?: true
  /**
   * Crashes of the unit with this cause (Result, exit code and signal) that the agent counted in this hour and the 23 before it
   * (UTC), this one included. Absent while the clock is not synchronised, and where some may be missing.
   */
  readonly sameCause24h?: number
  /** The same on this day and the 6 before it. */
  readonly sameCause7d?: number
  readonly memory?: MemoryEvidence
  /** The last STATUS= that the service sent (sd_notify(3)). */
  readonly statusText?: string
  readonly resources?: ResourceEvidence
  readonly oom?: OomEvidence
  readonly coredump?: CoredumpEvidence
  /** How long before the crash the unit's file, a drop-in or the binary changed. */
  readonly fileChangedMs?: number
  /** The same fault has the same signature on every gateway: 12 hex digits. Never a metric label. */
  readonly signature?: string
}

/** The documented shape, the same in MQTT, HTTP, the command line and files. */
export function evidenceJson(e: Evidence): Record<string, unknown> {
  const { memory, resources, oom, coredump } = e
  return present({
    ran_ms: e.ranMs,
    first_run_of_boot: e.firstRunOfBoot,
    same_cause_24h: e.sameCause24h,
    same_cause_7d: e.sameCause7d,
    memory: memory && present({ limit: memory.limit, peak: memory.peak, last_seen: memory.lastSeen }),
    status_text: e.statusText,
    resources:
      resources &&
      present({
        cpu_ms: resources.cpuMs,
        memory_peak: resources.memoryPeak,
        io_read_bytes: resources.ioReadBytes,
        io_write_bytes: resources.ioWriteBytes,
        ip_received_bytes: resources.ipReceivedBytes,
        ip_sent_bytes: resources.ipSentBytes,
      }),
    oom: oom && present({ by: oom.by, process: oom.process, bytes: oom.bytes, limit_of: oom.limitOf }),
    coredump:
      coredump && present({ executable: coredump.executable, signal: coredump.signal, frames: coredump.frames }),
    file_changed_ms: e.fileChangedMs,
    signature: e.signature,
  })
}

function present(fields: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
