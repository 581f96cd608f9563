// The agent's own health: one list of checks, which /-/ready, the status, the dashboard and the metrics show.

import type { Instant } from './observation.ts'
import { firstFew } from './views/format.ts'

/** While one of these fails, the agent is not ready. `internal` exists only while it fails. */
const BLOCKING = ['bus', 'state_file', 'configuration', 'event_loop', 'internal'] as const
/** These are warnings: the agent is ready. */
const WARNINGS = ['mqtt', 'remote_write', 'log_files', 'units', 'clock', 'identity'] as const

/** The order of the list; only checks of what is configured are in it. */
export const CHECK_NAMES = [...BLOCKING, ...WARNINGS] as const
export type CheckName = (typeof CHECK_NAMES)[number]

export interface HealthCheck {
  readonly name: CheckName
  readonly healthy: boolean
  /** What is wrong; for a healthy check `OK`, or something to know, such as keys that require a restart. */
  readonly message: string
  /** Wall time in ms at which it changed between healthy and unhealthy, or from which on it is known. */
  readonly sinceMs: number
}

/** What the checks are derived from. */
export interface HealthFacts {
  readonly bus: { readonly problem: string | null; readonly lostAtMonoMs: number | null }
  /** `note`: what happened to the file at the start. `volatile`: the file "is on ..." storage that may lose it. */
  readonly stateFile: {
    readonly problem: string | null
    readonly note: string | null
    readonly volatile: string | null
  }
  /** `waiting`: keys that take effect after a restart. */
  readonly configuration: {
    readonly problems: readonly string[]
    readonly warnings: readonly string[]
    readonly waiting: readonly string[]
  }
  /** The longest recent delay of the event loop. */
  readonly loopLagSeconds: number
  /** Faults of the counting itself. */
  readonly faults: readonly string[]
  /** Null if MQTT is disabled. */
  readonly mqtt: {
    readonly problem: string | null
    readonly note: string | null
    readonly lostAtMonoMs: number | null
  } | null
  /** Null if remote write is not configured. */
  readonly remoteWrite: { readonly problem: string | null; readonly note: string | null } | null
  /** Null if neither a log file nor an events file is configured. `problems`: of files that cannot be written. */
  readonly logFiles: { readonly problems: readonly string[]; readonly note: string | null } | null
  /** Configured units that cannot be watched. A unit that crashed can be watched. */
  readonly unwatchable: readonly string[]
  /** Null if unknown. */
  readonly clockSynced: boolean | null
  /** Why this gateway may not be the only one with its ids, or is not the one that it was, one sentence each. */
  readonly identity: readonly string[]
}

const OK = 'OK'
/** Above this the event loop counts as unhealthy: D-Bus signals would wait. */
const LAG_SECONDS = 1
/** A message explains this many units. */
const UNITS_SHOWN = 3
const NOT_SYNCED = 'not synchronised; the times of events may be wrong'

/** A check as the command line and the dashboard receive it, too. */
type NamedCheck = Pick<HealthCheck, 'healthy'> & { readonly name: string }

/** Whether the agent is not ready because of this check. */
export function blocks({ name, healthy }: NamedCheck): boolean {
  return !healthy && BLOCKING.some((blocking) => blocking === name)
}

/** One line for each check that has something to report: a problem, or a note. */
export function reportLines(checks: readonly (NamedCheck & Pick<HealthCheck, 'message'>)[]): string[] {
  return checks
    .filter(({ healthy, message }) => !healthy || message !== OK)
    .map(({ name, message }) => `${name}: ${message}`)
}

interface Finding {
  readonly name: CheckName
  readonly problems: readonly string[]
  /** The message while there is no problem. */
  readonly note?: string
  /** When the problem began, monotonic ms; absent where only a reading shows it. */
  readonly beganAtMonoMs?: number | null
}

/** Each call evaluates the checks and notes which of them changed. `clock`: as in ports.ts. */
export function createHealth(clock: {
  now(): Instant
  wallMsOf(monoMs: number): number
}): (facts: HealthFacts) => readonly HealthCheck[] {
  let changes = new Map<CheckName, { readonly healthy: boolean; readonly atMonoMs: number }>()
  return (facts) => {
    const { monoMs } = clock.now()
    const before = changes
    changes = new Map()
    return findingsOf(facts).map(({ name, problems, note = OK, beganAtMonoMs }) => {
      const healthy = problems.length === 0
      const last = before.get(name)
      const noticedAtMonoMs = last?.healthy === healthy ? last.atMonoMs : monoMs
      const atMonoMs = healthy ? noticedAtMonoMs : (beganAtMonoMs ?? noticedAtMonoMs)
      changes.set(name, { healthy, atMonoMs })
      const sinceMs = Math.round(clock.wallMsOf(atMonoMs))
      return { name, healthy, message: healthy ? note : problems.join('; '), sinceMs }
    })
  }
}

function findingsOf(facts: HealthFacts): readonly Finding[] {
  const { bus, stateFile, configuration, loopLagSeconds, faults, mqtt, remoteWrite, logFiles, clockSynced } = facts
  const findings: Finding[] = [
    { name: 'bus', problems: sentences(bus.problem), beganAtMonoMs: bus.lostAtMonoMs },
    { name: 'state_file', problems: sentences(stateFile.problem), note: stateFileNote(stateFile) },
    { name: 'configuration', problems: configuration.problems, note: configurationNote(configuration) },
    { name: 'event_loop', problems: sentences(lagProblem(loopLagSeconds)) },
  ]
  if (faults.length > 0) findings.push({ name: 'internal', problems: faults })
  if (mqtt !== null) {
    const { problem, note, lostAtMonoMs } = mqtt
    findings.push({ name: 'mqtt', problems: sentences(problem), note: note ?? OK, beganAtMonoMs: lostAtMonoMs })
  }
  if (remoteWrite !== null)
    findings.push({ name: 'remote_write', problems: sentences(remoteWrite.problem), note: remoteWrite.note ?? OK })
  if (logFiles !== null) findings.push({ name: 'log_files', problems: logFiles.problems, note: logFiles.note ?? OK })
  findings.push({ name: 'units', problems: firstFew(facts.unwatchable, UNITS_SHOWN) })
  if (clockSynced !== null) findings.push({ name: 'clock', problems: clockSynced ? [] : [NOT_SYNCED] })
  findings.push({ name: 'identity', problems: facts.identity })
  return findings
}

/** Counters in RAM are a warning: the agent counts as well as on flash. */
function stateFileNote({ note, volatile }: HealthFacts['stateFile']): string {
  return [...sentences(volatile === null ? null : `the file ${volatile}`), ...sentences(note)].join('; ') || OK
}

/** Null while the event loop is fast enough. */
export function lagProblem(seconds: number): string | null {
  return seconds > LAG_SECONDS ? `blocked for ${seconds.toFixed(1)} s` : null
}

/** `max_units, log_file take effect after a restart of gatewatch` */
function configurationNote({ warnings, waiting }: HealthFacts['configuration']): string {
  const takeEffect = `${waiting.join(', ')} ${waiting.length === 1 ? 'takes' : 'take'} effect after a restart of gatewatch`
  return [...warnings, ...(waiting.length > 0 ? [takeEffect] : [])].join('; ') || OK
}

function sentences(problem: string | null): readonly string[] {
  return problem === null ? [] : [problem]
}
