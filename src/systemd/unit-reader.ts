// Reads units from systemd (GetAll), a few at a time, and reports each as an observation in message order.
import type { Instant, Observation } from '../core/observation.ts'
import type { Settings } from '../core/unit.ts'
import { isInstance } from '../core/unit-name.ts'
import { type Bus, isGone } from '../dbus/bus.ts'
import type { Clock, Log } from '../ports.ts'
import { decodeUnit, type SignalPairing, type UnitReading } from './decode.ts'
import { getAllCall } from './manager-api.ts'
import { unitPath } from './unit-path.ts'
import type { WatchList } from './watch-list.ts'

/** Reading an unloaded unit loads it; another monitor sees that and may read it too. This interval prevents a loop between the two. */
const READ_AGAIN_AFTER_MS = 10_000
/** A unit that could not be loaded and now changes state can be loaded; it is read again at most once per this interval. */
const READ_UNLOADED_AFTER_MS = 1000
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
  /** Everything read from a watched unit, for uses other than observations. */
  readonly wasRead: (label: string, reading: UnitReading) => void
}

export interface UnitReader {
  /** Reads every watched unit; false if systemd or the bus is lost before that is done. */
  readAll(): Promise<boolean>
  /** systemd has loaded this watched unit: reads it unless it was read a moment ago. */
  loaded(label: string): void
  /** A watched unit changed state: reads it if it was not read yet, or could not be loaded before. */
  moved(label: string): void
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
  /** The reason, by unit. */
  const failing = new Map<string, string>()
  const readingSoon = new Map<string, () => void>()

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
    if (settings.loadState !== 'not-found') goneAt.delete(label)
    else if (!goneAt.has(label)) goneAt.set(label, at.monoMs)
    list.resolved(label, id)
    context.pairing.read(unitPath(id), snapshot)
    context.wasRead(label, reading)
    if (appeared) context.observe({ kind: 'discovered', at, unit: label })
    context.observe({ kind: 'read', unit: label, at, snapshot, settings })
  }

  /** Calls `done` with false only if systemd is gone. If this one unit cannot be read, that is logged once. */
  const read = (label: string, done: (alive: boolean) => void) => {
    readAt.set(label, clock.now().monoMs)
    bus.request(getAllCall(label), (error, body) => {
      const at = clock.now()
      if (isGone(error)) return done(false)
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

  const readUnless = (label: string, withinMs: number) => {
    const last = readAt.get(label)
    if (last === undefined || clock.now().monoMs - last >= withinMs) read(label, () => {})
  }

  /** Forgets units that are gone, because transient units that match a pattern would fill the list over time. */
  const tidy = () => {
    const { monoMs } = clock.now()
    for (const [label, since] of goneAt) if (monoMs - since >= FORGET_AFTER_MS) list.remove(label)
    for (const label of readAt.keys()) {
      if (!list.has(label)) for (const notes of [readAt, known, goneAt, failing]) notes.delete(label)
    }
  }

  return {
    readAll() {
      tidy()
      return readFewAtOnce([...list.all()], read)
    },
    loaded: (label) => readUnless(label, known.has(label) ? READ_AGAIN_AFTER_MS : READ_UNLOADED_AFTER_MS),
    moved(label) {
      const settings = known.get(label)
      if ((settings !== undefined && isLoaded(settings)) || readingSoon.has(label)) return
      // A unit found through this signal was not read yet, or too early: at once, whatever was read before.
      const wait = settings === undefined ? 0 : (readAt.get(label) ?? 0) + READ_UNLOADED_AFTER_MS - clock.now().monoMs
      const undo = clock.after(Math.max(0, wait), () => {
        readingSoon.delete(label)
        read(label, () => {})
      })
      readingSoon.set(label, undo)
    },
    consider: (name) => readUnless(name, READ_AGAIN_AFTER_MS),
    // A unit that only matches a pattern may be gone when it is read: it is not watched then, and not missed.
    unreadable: () =>
      [...failing].flatMap(([label, reason]) => (list.has(label) ? [unreadableText(label, reason)] : [])),
    end() {
      for (const undo of readingSoon.values()) undo()
    },
  }
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
