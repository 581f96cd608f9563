// Decodes systemd's D-Bus properties into unit snapshots and settings; never throws, whatever the bus sends. Pure.
import { RELATION_PROPERTIES, relationsOf } from '../core/explain/relations.ts'
import type { Settings, UnitSnapshot } from '../core/unit.ts'
import { plain } from '../dbus/variants.ts'
import { FACT_PROPERTIES, factsIn, type ReadFacts, STATUS_TEXT } from './facts/unit-facts.ts'
import { MANAGER_PROPERTIES } from './manager-state.ts'

const PREFIX = 'org.freedesktop.systemd1.'
const UNIT_INTERFACE = `${PREFIX}Unit`
/** How many units' latest type-specific properties are kept; they only have to bridge two consecutive signals. */
const PAIRS_AT_MOST = 4096

/** The properties to decode, of signals and of GetAll replies. */
export const WANTED_PROPERTIES: ReadonlySet<string> = new Set([
  'ActiveState',
  'SubState',
  'InvocationID',
  'Job',
  'StateChangeTimestampMonotonic',
  'FreezerState',
  'Result',
  'ExecMainCode',
  'ExecMainStatus',
  'MainPID',
  'NRestarts',
  // Only in replies to GetAll:
  'Id',
  'LoadState',
  'UnitFileState',
  'Restart',
  'RestartForceExitStatus',
  'RestartPreventExitStatus',
  'Slice',
  'ActiveEnterTimestampMonotonic',
  'InactiveEnterTimestampMonotonic',
  'TriggeredBy',
  'UpheldBy',
  ...RELATION_PROPERTIES,
  ...FACT_PROPERTIES,
  // Only of units that start watched ones:
  'Triggers',
  'Upholds',
  ...MANAGER_PROPERTIES,
])

/** Values as decoded; variants are opened only when they are used. */
type Properties = Readonly<Record<string, unknown>>

/** The part of a snapshot that comes from the interface of the unit's type (`...Service`, `...Socket`). */
type RunResult = Pick<UnitSnapshot, 'result' | 'mainCode' | 'mainStatus' | 'mainPid' | 'nRestarts'>

/** For unit types without a Result (target, slice, device), and for units not read yet. */
const NO_RESULT: RunResult = { result: null, mainCode: 0, mainStatus: 0, mainPid: 0, nRestarts: 0 }

interface Malformed {
  readonly malformed: string
}

/**
 * One signal of a pair is missing although earlier pairs were complete, or the two are from different changes (systemd
 * gives the signals of one change consecutive serials): the bus has dropped signals. It does so silently when our queue
 * is full (dbus-daemon(1), max_outgoing_bytes). Combining the new state with the result of another run would be a guess.
 */
const INCOMPLETE_PAIR = { missed: true } as const

/**
 * A unit was restarted more often than its signals showed: some were dropped, or systemd was too busy to send each. The
 * change itself is complete, but other units' signals may be missing, too.
 */
const SKIPPED_RESTARTS = { skippedRestarts: true } as const

/** Combines the two signals that systemd sends for each change: first the type's interface, then Unit's. */
export interface SignalPairing {
  /** A new connection or a restarted systemd: what was received before belongs to no later signal. */
  begin(): void
  /**
   * The snapshot once the second signal of a pair arrives; null before that, for signals without a state, and for a second
   * signal whose first one was sent before the subscription: the unit is about to be read.
   */
  changed(
    path: string,
    body: readonly unknown[],
    serial: number,
  ): UnitSnapshot | Malformed | typeof INCOMPLETE_PAIR | typeof SKIPPED_RESTARTS | null
  /** A GetAll reply contains both parts, so that a following signal of Unit alone is complete. */
  read(path: string, snapshot: UnitSnapshot): void
  removed(path: string): void
}

/** `noteStatus`: called with the StatusText of a service, if that property is decoded. */
export function createSignalPairing(noteStatus: (path: string, text: string) => void = () => {}): SignalPairing {
  const results = new Map<string, RunResult>()
  /** The serial of the first signal of a pair, by path. */
  const incomplete = new Map<string, number>()
  const complete = new Set<string>()
  const keep = (path: string, result: RunResult) => {
    const oldest = results.size >= PAIRS_AT_MOST ? results.keys().next().value : undefined
    if (oldest !== undefined && !results.has(path)) results.delete(oldest)
    results.set(path, result)
  }
  return {
    begin() {
      for (const notes of [results, incomplete, complete]) notes.clear()
    },
    changed(path, body, serial) {
      const [source, properties] = body
      if (typeof source !== 'string' || !isProperties(properties))
        return { malformed: 'PropertiesChanged without properties' }
      if (source !== UNIT_INTERFACE) {
        if (!source.startsWith(PREFIX)) return null
        if (properties[STATUS_TEXT] !== undefined) noteStatus(path, String(plain(properties[STATUS_TEXT])))
        const before = results.get(path) ?? NO_RESULT
        const result = resultIn(properties, before)
        keep(path, result)
        const repeated = incomplete.has(path)
        incomplete.set(path, serial)
        if (!complete.has(path)) return null
        if (repeated) return INCOMPLETE_PAIR
        return result.nRestarts > before.nRestarts + 1 ? SKIPPED_RESTARTS : null
      }
      const first = incomplete.get(path)
      if (first === undefined ? complete.has(path) : serial !== first + 1) return INCOMPLETE_PAIR
      if (incomplete.delete(path)) complete.add(path)
      if (properties['ActiveState'] === undefined) return null
      const result = results.get(path) ?? (hasNoResult(path) ? NO_RESULT : null)
      return result === null ? null : snapshotIn(properties, result)
    },
    read: (path, { result, mainCode, mainStatus, mainPid, nRestarts }) =>
      keep(path, { result, mainCode, mainStatus, mainPid, nRestarts }),
    removed(path) {
      for (const notes of [results, incomplete, complete]) notes.delete(path)
    },
  }
}

/** Whether units of this type have no Result, and so only one signal for each change. */
function hasNoResult(path: string): boolean {
  return /_2e(target|slice|device)$/.test(path)
}

/** The reply to `GetAll("")`: the properties of all interfaces of a unit at one instant. */
export interface UnitReading {
  /** The canonical name; signals come only on its object path. */
  readonly id: string
  readonly snapshot: UnitSnapshot
  readonly settings: Settings
  /** Empty while the unit is not running and for types without processes; the same holds for `slice`. */
  readonly controlGroup: string
  readonly slice: string
  readonly facts: ReadFacts
}

export function decodeUnit(body: readonly unknown[]): UnitReading | Malformed {
  const [properties] = body
  if (!isProperties(properties)) return { malformed: 'GetAll without properties' }
  const id = plain(properties['Id'])
  const loadState = plain(properties['LoadState'])
  const restart = plain(properties['Restart'])
  if (typeof id !== 'string' || typeof loadState !== 'string') return { malformed: 'GetAll without Id and LoadState' }
  const snapshot = snapshotIn(properties, resultIn(properties, NO_RESULT))
  if ('malformed' in snapshot) return snapshot
  const text = (name: string) => String(plain(properties[name]) ?? '')
  return {
    id,
    controlGroup: text('ControlGroup'),
    slice: text('Slice'),
    facts: factsIn(properties),
    snapshot,
    settings: {
      loadState,
      enabled: /^enabled(-runtime)?$/.test(String(plain(properties['UnitFileState']))),
      restart: typeof restart === 'string' ? restart : null,
      restartForced: isSet(plain(properties['RestartForceExitStatus'])),
      restartPrevented: isSet(plain(properties['RestartPreventExitStatus'])),
      wasActive: ENTERED.some((name) => (whole(properties[name]) ?? 0) > 0),
      startedBy: STARTED_BY.flatMap((name) => names(plain(properties[name]))),
      relations: relationsOf((name) => names(plain(properties[name]))),
    },
  }
}

const ENTERED = ['ActiveEnterTimestampMonotonic', 'InactiveEnterTimestampMonotonic']
/** The properties that name the units that start a unit while they are active. UpheldBy: since systemd 251. */
export const STARTED_BY = ['TriggeredBy', 'UpheldBy']

export function names(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((name) => typeof name === 'string') : []
}

/** A property that is missing or has a wrong type keeps its previous value. */
function resultIn(properties: Properties, before: RunResult): RunResult {
  const result = plain(properties['Result'])
  return {
    result: typeof result === 'string' && result !== '' ? result : before.result,
    mainCode: whole(properties['ExecMainCode']) ?? before.mainCode,
    mainStatus: whole(properties['ExecMainStatus']) ?? before.mainStatus,
    mainPid: whole(properties['MainPID']) ?? before.mainPid,
    nRestarts: whole(properties['NRestarts']) ?? before.nRestarts,
  }
}

/** Plain code without loops or lookups, because it runs for every signal of a crash loop. */
function snapshotIn(properties: Properties, result: RunResult): UnitSnapshot | Malformed {
  const activeState = plain(properties['ActiveState'])
  const subState = plain(properties['SubState'])
  const job = plain(properties['Job'])
  if (typeof activeState !== 'string' || activeState === '') return { malformed: 'ActiveState is not a string' }
  if (typeof subState !== 'string') return { malformed: 'SubState is not a string' }
  return {
    activeState,
    subState,
    invocationId: hex(plain(properties['InvocationID'])),
    job: Array.isArray(job) ? (whole(job[0]) ?? 0) : 0,
    result: result.result,
    mainCode: result.mainCode,
    mainStatus: result.mainStatus,
    mainPid: result.mainPid,
    nRestarts: result.nRestarts,
    changedAtMonoMs: Math.floor((whole(properties['StateChangeTimestampMonotonic']) ?? 0) / 1000),
    frozen: isFrozen(plain(properties['FreezerState'])),
  }
}

/** From version 257 on, systemd distinguishes `frozen-by-parent`: the slice of the unit is frozen. */
export function isFrozen(freezerState: unknown): boolean {
  return freezerState === 'frozen' || freezerState === 'frozen-by-parent'
}

const NO_ID = '0'.repeat(32)

/** 128 bits as 32 hex digits; null if the unit has no invocation, for which systemd sends an empty array or zeros. */
function hex(id: unknown): string | null {
  if (!(id instanceof Uint8Array) || id.length !== 16) return null
  const text = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')
  return text === NO_ID ? null : text
}

function whole(value: unknown): number | null {
  const number = plain(value)
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null
}

/** Whether an exit status set, `(aiai)` for codes and signals, is not empty. */
function isSet(status: unknown): boolean {
  return Array.isArray(status) && status.some((list) => Array.isArray(list) && list.length > 0)
}

function isProperties(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
