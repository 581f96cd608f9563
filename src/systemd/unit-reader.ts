// Reads units from systemd (GetAll), a few at a time, and reports each as an observation in message order.
import type { Instant, Observation } from '../core/observation.ts'
import type { Settings } from '../core/unit.ts'
import { isInstance } from '../core/unit-name.ts'
import { type Bus, errorNameOf, isGone } from '../dbus/bus.ts'
import type { Clock, Log } from '../ports.ts'
import { decodeUnit, type SignalPairing, type UnitReading } from './decode.ts'
import { getAllCall } from './manager-api.ts'
import { unitPath } from './unit-path.ts'
import type { WatchList } from './watch-list.ts'

/** Reading an unloaded unit loads it; another monitor sees that and may read it too. This interval prevents a loop between the two. */
const READ_AGAIN_AFTER_MS = 10_000
/** A unit that could not be loaded and now changes state can be loaded; it is read again at most once per this interval. */
const READ_UNLOADED_AFTER_MS = 1000
/**
 * A unit that was loaded again since it was read, and is up or failed: its settings decide the forecast of a crash, and
 * whether systemd gave up. By then systemd has announced most restarts of a failed unit.
 */
const READ_LOADED_AFTER_MS = 200
/** A reply of 12 to 30 KB takes milliseconds to decode; few at once leave time for signals in between. */
const READS_AT_ONCE = 3
/** A unit found through a pattern is forgotten when its unit file has been gone for this long. */
const FORGET_AFTER_MS = 24 * 3600_000

export interface UnitReaderContext {
  readonly bus: Bus
  readonly list: WatchList
  readonly pairing: SignalPairing
  readonly clock: Clock
  readonly log: Log
  readonly observe: (observation: Observation) => void
  readonly malformed: (reason: string) => void
  /** systemd did not reply to a read; or it did, and the bus dropped the reply. */
  readonly noReply: () => void
  /** Everything read from a watched unit, after it was observed. */
  readonly wasRead: (label: string, reading: UnitReading) => void
}

export interface UnitReader {
  /** Reads every watched unit; false if systemd or the bus is lost before that is done. */
  readAll(): Promise<boolean>
  /** systemd has loaded this watched unit: reads it unless it was read a moment ago. */
  loaded(label: string): void
  /**
   * A watched unit changed its state: reads it if it was not read yet or could not be loaded before, and if it failed
   * with settings that systemd has loaded since.
   */
  moved(label: string, activeState: string): void
  readAgain(label: string): void
  /** A unit that matches a pattern was loaded: watches it, unless it is an inactive instance. */
  consider(name: string): void
  /** Watched units whose properties could not be read, one sentence each. */
  unreadable(): readonly string[]
  /** Cancels reads that are scheduled. */
  end(): void
}

export function createUnitReader(context: UnitReaderContext): UnitReader {
  const { bus, clock, log, list } = context
  const readAt = new Map<string, number>()
  const known = new Map<string, Settings>()
  const goneAt = new Map<string, number>()
  const failing = new Map<string, string>() // the reason, by unit
  const underWay = new Set<string>()
  /** Units that systemd has loaded since they were read. */
  const loadedSince = new Set<string>()

  const report = (label: string, at: Instant, reading: UnitReading) => {
    const { id, snapshot, settings } = reading
    const before = known.get(label)
    let appeared = before !== undefined && !isLoaded(before) && isLoaded(settings) && !list.isNamed(label)
    if (!list.has(label)) {
      if (settings.loadState === 'not-found' || (snapshot.activeState === 'inactive' && isInstance(label))) return
      if (id !== label || !list.add(label)) return // an alias is watched under its unit's own name, if at all
      appeared = true
    }
    known.set(label, settings)
    loadedSince.delete(label)
    if (settings.loadState !== 'not-found') goneAt.delete(label)
    else if (!goneAt.has(label)) goneAt.set(label, at.monoMs)
    list.resolved(label, id)
    context.pairing.read(unitPath(id), snapshot)
    if (appeared) context.observe({ kind: 'discovered', at, unit: label })
    context.observe({ kind: 'read', unit: label, at, snapshot, settings })
    context.wasRead(label, reading)
  }

  /** Calls `done` with false only if systemd is gone. If this one unit cannot be read, that is logged once. */
  const read = (label: string, done: (alive: boolean) => void) => {
    readAt.set(label, clock.now().monoMs)
    underWay.add(label)
    bus.request(getAllCall(label), (error, body) => {
      const at = clock.now()
      underWay.delete(label)
      if (isGone(error)) return done(false)
      if (errorNameOf(error) === 'timeout') context.noReply()
      const reading = error === null ? decodeUnit(body) : { malformed: error.message }
      if ('malformed' in reading) {
        if (error === null) context.malformed(reading.malformed)
        if (!failing.has(label))
          log('warning', `${unreadableText(label, reading.malformed)}; retrying at the next reconciliation`)
        failing.set(label, reading.malformed)
      } else {
        failing.delete(label)
        report(label, at, reading)
      }
      done(true)
    })
  }

  const readAgain = (label: string) => read(label, () => {})
  const later = createLaterReads(clock, readAgain)

  const readUnless = (label: string, withinMs: number) => {
    if (clock.now().monoMs - (readAt.get(label) ?? -Infinity) >= withinMs) readAgain(label)
  }

  /** How long to wait before reading a unit that is now in this state; null if it need not be read. */
  const waitToRead = (label: string, activeState: string): number | null => {
    const settings = known.get(label)
    if (settings !== undefined && isLoaded(settings))
      return loadedSince.has(label) && isUpOrFailed(activeState) ? READ_LOADED_AFTER_MS : null
    // A unit found through this signal was not read yet, or too early: at once, whatever was read before.
    if (settings === undefined && !failing.has(label)) return 0
    return (readAt.get(label) ?? 0) + READ_UNLOADED_AFTER_MS - clock.now().monoMs
  }

  /** Forgets units that are gone, because transient units that match a pattern would fill the list over time. */
  const tidy = () => {
    const { monoMs } = clock.now()
    for (const [label, since] of goneAt) if (monoMs - since >= FORGET_AFTER_MS) list.remove(label)
    for (const label of readAt.keys()) {
      if (!list.has(label)) for (const notes of [readAt, known, goneAt, failing, loadedSince]) notes.delete(label)
    }
  }

  return {
    readAll() {
      tidy()
      return readFewAtOnce([...list.all()], read)
    },
    loaded(label) {
      loadedSince.add(label)
      readUnless(label, known.has(label) ? READ_AGAIN_AFTER_MS : READ_UNLOADED_AFTER_MS)
    },
    moved(label, activeState) {
      const wait = waitToRead(label, activeState)
      if (wait === null) later.cancel(label)
      else if (!underWay.has(label)) later.readAfter(label, wait)
    },
    readAgain,
    consider: (name) => readUnless(name, READ_AGAIN_AFTER_MS),
    // A unit that only matches a pattern may be gone when it is read: it is not watched then, and not missed.
    unreadable: () =>
      [...failing].flatMap(([label, reason]) => (list.has(label) ? [unreadableText(label, reason)] : [])),
    end: later.end,
  }
}

interface LaterReads {
  /** Reads the unit after this time, at once if it is not positive, unless a read is scheduled already. */
  readAfter(label: string, ms: number): void
  cancel(label: string): void
  end(): void
}

function createLaterReads(clock: Clock, read: (label: string) => void): LaterReads {
  const undoes = new Map<string, () => void>()
  return {
    readAfter(label, ms) {
      if (undoes.has(label)) return
      if (ms <= 0) return read(label)
      const undo = clock.after(ms, () => {
        undoes.delete(label)
        read(label)
      })
      undoes.set(label, undo)
    },
    cancel(label) {
      undoes.get(label)?.()
      undoes.delete(label)
    },
    end() {
      for (const undo of undoes.values()) undo()
    },
  }
}

function isUpOrFailed(activeState: string): boolean {
  return activeState !== 'inactive' && activeState !== 'deactivating'
}

function unreadableText(label: string, reason: string): string {
  return `${label}: cannot read its properties: ${reason}`
}

/** Reads all labels; resolves with false, skipping the rest, as soon as systemd is gone. */
function readFewAtOnce(
  left: string[],
  read: (label: string, done: (alive: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    let underWay = 0
    let alive = true
    const next = () => {
      while (alive && underWay < READS_AT_ONCE) {
        const label = left.shift()
        if (label === undefined) break
        underWay += 1
        read(label, (still) => {
          underWay -= 1
          alive &&= still
          setImmediate(next)
        })
      }
      if (underWay === 0 && (left.length === 0 || !alive)) resolve(alive)
    }
    next()
  })
}

function isLoaded(settings: Settings): boolean {
  return settings.loadState === 'loaded'
}
