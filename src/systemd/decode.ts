// From systemd's properties to what `step` understands; nothing that a bus can say makes it throw. Pure.
import type { Settings, UnitSnapshot } from '../core/unit.ts'
import { plain } from '../dbus/variants.ts'
import { MANAGER_PROPERTIES } from './manager-state.ts'

const PREFIX = 'org.freedesktop.systemd1.'
const UNIT_INTERFACE = `${PREFIX}Unit`
/** What remembers the type's interface is dropped beyond this many units; it only bridges two messages in a row. */
const PAIRS_AT_MOST = 4096

/** The only properties that signals and reads are decoded for. */
export const WANTED_PROPERTIES: ReadonlySet<string> = new Set([
  'ActiveState',
  'SubState',
  'InvocationID',
  'Job',
  'StateChangeTimestampMonotonic',
  'Result',
  'ExecMainCode',
  'ExecMainStatus',
  'NRestarts',
  // Told only when asked for:
  'Id',
  'LoadState',
  'UnitFileState',
  'Restart',
  'RestartForceExitStatus',
  'RestartPreventExitStatus',
  'Slice',
  ...MANAGER_PROPERTIES,
])

/** Values as decoded: variants, of which only those that matter here are opened. */
type Properties = Readonly<Record<string, unknown>>

/** The part of a sighting that the type's interface carries (`...Service`, `...Socket`). */
type RunResult = Pick<UnitSnapshot, 'result' | 'mainCode' | 'mainStatus' | 'nRestarts'>

/** Types without a Result (target, slice, device), and those not heard of yet. */
const NO_RESULT: RunResult = { result: null, mainCode: 0, mainStatus: 0, nRestarts: 0 }

interface Malformed {
  readonly malformed: string
}

/**
 * Where whole pairs came, one half without the other: the bus dropped signals. A full one does (dbus-daemon(1),
 * max_outgoing_bytes), without a word, and a state beside the cause of an older one would be a guess.
 */
const HALF_A_PAIR = { missed: true } as const

/** Puts together the two signals that systemd sends of each change: the type's interface first, then Unit's. */
export interface SignalPairing {
  /** A connection, or systemd itself, begins anew: half a pair of before is none. */
  begin(): void
  /** The sighting when the second one came, null before it and for what tells nothing of a state. */
  changed(path: string, body: readonly unknown[]): UnitSnapshot | Malformed | typeof HALF_A_PAIR | null
  /** A read told both: a signal of Unit alone is complete then. */
  read(path: string, snapshot: UnitSnapshot): void
  removed(path: string): void
}

export function createSignalPairing(): SignalPairing {
  const causes = new Map<string, RunResult>()
  const half = new Set<string>()
  const whole = new Set<string>()
  const keep = (path: string, cause: RunResult) => {
    const oldest = causes.size >= PAIRS_AT_MOST ? causes.keys().next().value : undefined
    if (oldest !== undefined && !causes.has(path)) causes.delete(oldest)
    causes.set(path, cause)
  }
  return {
    begin() {
      half.clear()
      whole.clear()
    },
    changed(path, body) {
      const [face, properties] = body
      if (typeof face !== 'string' || !isProperties(properties))
        return { malformed: 'PropertiesChanged without properties' }
      if (face !== UNIT_INTERFACE) {
        if (!face.startsWith(PREFIX)) return null
        keep(path, causeIn(properties, causes.get(path) ?? NO_RESULT))
        const twice = half.has(path)
        half.add(path)
        return twice && whole.has(path) ? HALF_A_PAIR : null
      }
      if (half.delete(path)) whole.add(path)
      else if (whole.has(path)) return HALF_A_PAIR
      if (properties['ActiveState'] === undefined) return null
      return snapshotIn(properties, causes.get(path) ?? NO_RESULT)
    },
    read: (path, { result, mainCode, mainStatus, nRestarts }) =>
      keep(path, { result, mainCode, mainStatus, nRestarts }),
    removed(path) {
      for (const notes of [causes, half, whole]) notes.delete(path)
    },
  }
}

/** The answer to `GetAll("")`: the properties of all the unit's interfaces at one instant. */
export interface UnitReading {
  /** The canonical name; signals come on its path only. */
  readonly id: string
  readonly snapshot: UnitSnapshot
  readonly settings: Settings
  /** Empty while it does not run, and for a type without processes; so is the slice. */
  readonly controlGroup: string
  readonly slice: string
}

export function decodeUnit(body: readonly unknown[]): UnitReading | Malformed {
  const [properties] = body
  if (!isProperties(properties)) return { malformed: 'GetAll without properties' }
  const id = plain(properties['Id'])
  const loadState = plain(properties['LoadState'])
  const restart = plain(properties['Restart'])
  if (typeof id !== 'string' || typeof loadState !== 'string') return { malformed: 'GetAll without Id and LoadState' }
  const snapshot = snapshotIn(properties, causeIn(properties, NO_RESULT))
  if ('malformed' in snapshot) return snapshot
  const text = (name: string) => String(plain(properties[name]) ?? '')
  return {
    id,
    controlGroup: text('ControlGroup'),
    slice: text('Slice'),
    snapshot,
    settings: {
      loadState,
      enabled: /^enabled(-runtime)?$/.test(String(plain(properties['UnitFileState']))),
      restart: typeof restart === 'string' ? restart : null,
      restartForced: isSet(plain(properties['RestartForceExitStatus'])),
      restartPrevented: isSet(plain(properties['RestartPreventExitStatus'])),
    },
  }
}

/** What is missing or of a wrong type stays as it was. */
function causeIn(properties: Properties, before: RunResult): RunResult {
  const result = plain(properties['Result'])
  return {
    result: typeof result === 'string' && result !== '' ? result : before.result,
    mainCode: whole(properties['ExecMainCode']) ?? before.mainCode,
    mainStatus: whole(properties['ExecMainStatus']) ?? before.mainStatus,
    nRestarts: whole(properties['NRestarts']) ?? before.nRestarts,
  }
}

/** Written out and without detours: this runs for every signal of a crash loop. */
function snapshotIn(properties: Properties, cause: RunResult): UnitSnapshot | Malformed {
  const activeState = plain(properties['ActiveState'])
  const subState = plain(properties['SubState'])
  const job = plain(properties['Job'])
  if (typeof activeState !== 'string' || activeState === '') return { malformed: 'ActiveState is no text' }
  if (typeof subState !== 'string') return { malformed: 'SubState is no text' }
  return {
    activeState,
    subState,
    invocationId: hex(plain(properties['InvocationID'])),
    job: Array.isArray(job) ? (whole(job[0]) ?? 0) : 0,
    result: cause.result,
    mainCode: cause.mainCode,
    mainStatus: cause.mainStatus,
    nRestarts: cause.nRestarts,
    changedAtMonoMs: Math.floor((whole(properties['StateChangeTimestampMonotonic']) ?? 0) / 1000),
  }
}

const NO_ID = '0'.repeat(32)

/** 128 bits as 32 hex digits; null where there are none: systemd gives an empty array or zeros. */
function hex(id: unknown): string | null {
  if (!(id instanceof Uint8Array) || id.length !== 16) return null
  const text = Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')
  return text === NO_ID ? null : text
}

function whole(value: unknown): number | null {
  const number = plain(value)
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null
}

/** An exit status set, `(aiai)`: codes and signals. */
function isSet(status: unknown): boolean {
  return Array.isArray(status) && status.some((list) => Array.isArray(list) && list.length > 0)
}

function isProperties(value: unknown): value is Properties {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}
