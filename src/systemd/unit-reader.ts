// Asks systemd for units, a few at a time, and tells each answer as an observation at its place in the stream.
import type { Instant, Observation } from '../core/observation.ts'
import type { Settings } from '../core/unit.ts'
import { isInstance } from '../core/unit-name.ts'
import { type Bus, isGone } from '../dbus/bus.ts'
import type { Clock, Log } from '../ports.ts'
import { decodeUnit, type SignalPairing, type UnitReading } from './decode.ts'
import { getAllCall } from './manager-api.ts'
import { unitPath } from './unit-path.ts'
import type { WatchList } from './watch-list.ts'

/** Reading an unloaded unit loads it, which another monitor sees and may answer in kind: not more often than this. */
const READ_AGAIN_AFTER_MS = 10_000
/** A unit that was not loadable and now moves has become so: it is asked this long after its last answer at the soonest. */
const READ_UNLOADED_AFTER_MS = 1000
/** An answer is 12 KB to 30 KB and takes milliseconds to decode; signals come in between. */
const READS_AT_ONCE = 3
/** What only a pattern stands for is no longer asked for when it has been gone this long. */
const FORGET_AFTER_MS = 24 * 3600_000

export interface UnitReaderContext {
  readonly bus: Bus
  readonly list: WatchList
  readonly pairing: SignalPairing
  readonly clock: Clock
  readonly log: Log
  readonly observe: (observation: Observation) => void
  readonly malformed: (reason: string) => void
  /** What was read of a watched unit, beside what is observed. */
  readonly wasRead: (label: string, read: UnitReading) => void
}

export interface UnitReader {
  /** Reads every watched unit; false where systemd or the bus went away meanwhile. */
  readAll(): Promise<boolean>
  /** systemd loaded this watched unit: reads it unless that was done just now. */
  loaded(label: string): void
  /** A watched unit moved: reads it where systemd had said that it cannot be loaded. */
  moved(label: string): void
  /** A unit that a pattern stands for was loaded: watches it if it is more than an inactive instance. */
  consider(name: string): void
  /** Reads nothing more of its own accord. */
  end(): void
}

export function createUnitReader(context: UnitReaderContext): UnitReader {
  const { bus, clock, log, list } = context
  const askedAt = new Map<string, number>()
  const known = new Map<string, Settings>()
  const goneAt = new Map<string, number>()
  const failing = new Set<string>()
  const readingSoon = new Map<string, () => void>()

  const tell = (label: string, at: Instant, answer: UnitReading) => {
    const { id, snapshot, settings } = answer
    const before = known.get(label)
    let appeared = before !== undefined && !isLoaded(before) && isLoaded(settings) && !list.isNamed(label)
    if (!list.has(label)) {
      if (settings.loadState === 'not-found' || (snapshot.activeState === 'inactive' && isInstance(label))) return
      if (id !== label || !list.add(label)) return // an alias is watched as its unit, if at all
      appeared = true
    }
    known.set(label, settings)
    if (settings.loadState !== 'not-found') goneAt.delete(label)
    else if (!goneAt.has(label)) goneAt.set(label, at.monoMs)
    list.resolved(label, id)
    context.pairing.read(unitPath(id), snapshot)
    context.wasRead(label, answer)
    if (appeared) context.observe({ kind: 'discovered', at, unit: label })
    context.observe({ kind: 'read', unit: label, at, snapshot, settings })
  }

  /** `done` with false where systemd is gone; a unit's own trouble is logged once and is its own. */
  const read = (label: string, done: (alive: boolean) => void) => {
    askedAt.set(label, clock.now().monoMs)
    bus.request(getAllCall(label), (error, body) => {
      const at = clock.now()
      if (isGone(error)) return done(false)
      const answer = error === null ? decodeUnit(body) : { malformed: error.message }
      if ('malformed' in answer) {
        if (error === null) context.malformed(answer.malformed)
        if (!failing.has(label)) log('warning', `${label}: cannot be read (${answer.malformed})`)
        failing.add(label)
      } else {
        failing.delete(label)
        tell(label, at, answer)
      }
      done(true)
    })
  }

  const readUnless = (label: string, withinMs: number) => {
    const last = askedAt.get(label)
    if (last === undefined || clock.now().monoMs - last >= withinMs) read(label, () => {})
  }

  /** Transient units that a pattern matched would fill the list for ever. */
  const tidy = () => {
    const { monoMs } = clock.now()
    for (const [label, since] of goneAt) if (monoMs - since >= FORGET_AFTER_MS) list.remove(label)
    for (const label of askedAt.keys()) {
      if (!list.has(label)) for (const notes of [askedAt, known, goneAt, failing]) notes.delete(label)
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
      if (settings === undefined || isLoaded(settings) || readingSoon.has(label)) return
      const wait = (askedAt.get(label) ?? 0) + READ_UNLOADED_AFTER_MS - clock.now().monoMs
      const undo = clock.after(Math.max(0, wait), () => {
        readingSoon.delete(label)
        read(label, () => {})
      })
      readingSoon.set(label, undo)
    },
    consider: (name) => readUnless(name, READ_AGAIN_AFTER_MS),
    end() {
      for (const undo of readingSoon.values()) undo()
    },
  }
}

/** Reads each label; resolves with false, without the rest, where systemd is gone. */
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
