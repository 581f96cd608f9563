// Maps unit properties to the status of a unit, for both back ends of unit control. Pure.
import { causeOf } from '../../core/cause.ts'
import type { Cause } from '../../core/explain/evidence.ts'
import type { Instant } from '../../core/observation.ts'
import type { ListedUnit, UnitStatus, UnitTrigger } from '../../core/unit-status.ts'
import { decodeUnit, isFrozen, STARTED_BY } from '../decode.ts'
import type { Properties, PropertyType } from './property-types.ts'
import { START_TYPES, startFactsIn } from './start-facts.ts'

export type { Properties }

const COMMANDS = ['ExecStartPre', 'ExecStart', 'ExecStartPost', 'ExecReload', 'ExecStop', 'ExecStopPost'] as const
/** systemd.unit(5), "Mapping of unit properties to their inverses". */
const DEPENDENCIES = [
  'Requires',
  'Requisite',
  'Wants',
  'BindsTo',
  'PartOf',
  'Upholds',
  'Triggers',
  'OnFailure',
  'RequiredBy',
  'RequisiteOf',
  'WantedBy',
  'BoundBy',
  'ConsistsOf',
  'UpheldBy',
  'TriggeredBy',
  'OnFailureOf',
] as const

/** The properties that a status consists of, with their types; no others are requested or decoded. */
export const STATUS_TYPES: Readonly<Record<string, PropertyType>> = {
  Id: 'text',
  Description: 'text',
  LoadState: 'text',
  ActiveState: 'text',
  SubState: 'text',
  UnitFileState: 'text',
  FreezerState: 'text',
  FragmentPath: 'text',
  User: 'text',
  WorkingDirectory: 'text',
  Result: 'text',
  ExecMainCode: 'number',
  ExecMainStatus: 'number',
  NRestarts: 'number',
  MainPID: 'number',
  MemoryCurrent: 'number',
  CPUUsageNSec: 'number',
  TasksCurrent: 'number',
  StateChangeTimestampMonotonic: 'number',
  CanReload: 'boolean',
  RefuseManualStart: 'boolean',
  RefuseManualStop: 'boolean',
  DropInPaths: 'words',
  Environment: 'words',
  EnvironmentFiles: 'files',
  NextElapseUSecRealtime: 'timestamp',
  NextElapseUSecMonotonic: 'timespan',
  ...START_TYPES,
  ...ofType(COMMANDS, 'commands'),
  ...ofType(DEPENDENCIES, 'words'),
}

export const STATUS_PROPERTIES: ReadonlySet<string> = new Set(Object.keys(STATUS_TYPES))

function ofType<const T>(names: readonly string[], type: T): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, type]))
}

/** Why the last run failed; null if it did not fail, or if the properties do not show it. */
export function causeIn(properties: Properties): Cause | null {
  const cause = endIn(properties)
  return cause === null || cause.result === 'success' ? null : cause
}

/** How the last run ended, or what is known of the present one; null if the properties do not show it. */
function endIn(properties: Properties): Cause | null {
  const reading = decodeUnit([properties])
  return 'malformed' in reading ? null : causeOf(reading.snapshot)
}

/**
 * Whether a successful start job started nothing because a condition of the unit is not met (systemd.unit(5),
 * systemd.service(5)). Cannot be detected for a unit that no other unit references, because systemd unloads it at once.
 */
export function skippedIn(properties: Properties): boolean {
  const { ActiveState: state, ConditionResult: met, ConditionTimestampMonotonic: checked, Result: result } = properties
  return state === 'inactive' && ((checked !== 0 && met === false) || result === 'exec-condition')
}

/** The units that start this one while they are active. */
export function triggersIn(properties: Properties): readonly string[] {
  const names = STARTED_BY.flatMap((kind) => properties[kind] ?? [])
  return [...new Set(names.map(String))].sort()
}

/** A unit that starts another one, and when it does so next if it is a timer. `properties`: its own. */
export function triggerIn(unit: string, properties: Properties, now: Instant): UnitTrigger {
  const activeState = textIn(properties, 'ActiveState') ?? 'unknown'
  const realtimeUs = numberIn(properties, 'NextElapseUSecRealtime') || Number.POSITIVE_INFINITY
  const monotonicUs = numberIn(properties, 'NextElapseUSecMonotonic') || Number.POSITIVE_INFINITY
  const nextMs = Math.min(realtimeUs / 1000, now.wallMs + monotonicUs / 1000 - now.monoMs)
  return { unit, activeState, nextMs: activeState === 'active' && Number.isFinite(nextMs) ? nextMs : null }
}

function textIn(properties: Properties, name: string): string | null {
  const value = properties[name]
  return typeof value === 'string' && value !== '' ? value : null
}

/** systemd encodes "not set" as the largest 64-bit number. */
function numberIn(properties: Properties, name: string): number | null {
  const value = properties[name]
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null
}

/** `properties` have the names and types of STATUS_TYPES: commands as [path, arguments], files as [path, optional]. */
export function statusIn(unit: string, properties: Properties, triggers: readonly UnitTrigger[]): UnitStatus {
  const text = (name: string) => textIn(properties, name)
  const number = (name: string) => numberIn(properties, name)
  const aboveZero = (name: string) => number(name) || null
  const rows = (name: string) => (Array.isArray(properties[name]) ? (properties[name] as unknown[]) : [])
  const words = (name: string) => rows(name).map(String).sort()
  const milliseconds = (name: string) => {
    const us = aboveZero(name)
    return us === null ? null : us / 1000
  }
  const end = endIn(properties)
  const cpuNs = number('CPUUsageNSec')
  return {
    unit: text('Id') ?? unit,
    description: text('Description') ?? '',
    loadState: text('LoadState') ?? 'unknown',
    activeState: text('ActiveState') ?? 'unknown',
    subState: text('SubState') ?? 'unknown',
    fileState: text('UnitFileState'),
    frozen: isFrozen(text('FreezerState')),
    triggers,
    changedAtMonoMs: milliseconds('StateChangeTimestampMonotonic'),
    activeAtMonoMs: milliseconds('ActiveEnterTimestampMonotonic'),
    cause: causeIn(properties),
    result: text('Result'),
    exitCode: end?.exitCode ?? null,
    signal: end?.signal ?? null,
    mainPid: aboveZero('MainPID'),
    restarts: number('NRestarts'),
    memoryBytes: number('MemoryCurrent'),
    cpuSeconds: cpuNs === null ? null : cpuNs / 1e9,
    tasks: number('TasksCurrent'),
    user: text('User'),
    workingDirectory: text('WorkingDirectory'),
    commands: COMMANDS.flatMap((setting) =>
      rows(setting).map((command) => ({ setting, line: lineOf((command as unknown[])[1]) })),
    ),
    environmentNames: words('Environment').map((one) => one.split('=')[0] ?? one),
    environmentFiles: rows('EnvironmentFiles').map((file) => String((file as unknown[])[0])),
    file: text('FragmentPath'),
    dropIns: words('DropInPaths'),
    dependencies: Object.fromEntries(
      DEPENDENCIES.map((kind) => [kind, words(kind)] as const).filter(([, units]) => units.length > 0),
    ),
    start: startFactsIn(properties),
  }
}

function lineOf(words: unknown): string {
  return Array.isArray(words) ? words.join(' ') : String(words)
}

export function byName(a: ListedUnit, b: ListedUnit): number {
  return a.unit < b.unit ? -1 : 1
}
