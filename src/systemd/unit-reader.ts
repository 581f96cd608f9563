// Reads units from systemd (GetAll), a few at a time, and reports each as an observation in message order.
import type { Instant, Observation } from '../core/observation.ts'
import type { Settings } from '../core/unit.ts'
import { isInstance } from '../core/unit-name.ts'
import type { Bus } from '../dbus/bus.ts'
import type { Clock, Log } from '../ports.ts'
import type { SignalPairing, UnitReading } from './decode.ts'
import { createEndedConnections } from './ended-connections.ts'
import { createReadQueue } from './read-queue.ts'
import { createSingleReads } from './single-reads.ts'
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
  /** The unit is one connection to a socket: once unloaded, it never returns. */
  readonly isConnection: (label: string) => boolean
  /** There was no room for a unit that a pattern matches: systemd must list its units again. */
  readonly overflowed: () => void
}

export interface UnitReader {
  /** Reads every watched unit that can have changed; false if systemd or the bus is lost before that is done. */
  readAll(): Promise<boolean>
  /** Reads these units; false as above. */
  readThese(labels: readonly string[]): Promise<boolean>
  /** systemd has loaded this watched unit: reads it unless it was read a moment ago, or is unloaded before its turn. */
  loaded(label: string): void
  /**
   * A watched unit changed its state: reads it if it was not read yet or could not be loaded before, and if it failed
   * with settings that systemd has loaded since.
   */
  moved(label: string, activeState: string): void
  readAgain(label: string): void
  /** A unit that matches a pattern was loaded: watches it, unless it is an inactive instance, or unloaded before its turn. */
  consider(name: string): void
  /** systemd lists this instance, which does nothing: watches it if it stays loaded, because then something refers to it. */
  considerIdle(name: string): void
  /** systemd has unloaded this unit. */
  unloaded(name: string): void
  /** The unit is no longer watched. */
  forget(label: string): void
  /** Watched units whose properties could not be read, one sentence each. */
  unreadable(): readonly string[]
  /** Cancels reads that are scheduled. */
  end(): void
}

export function createUnitReader(context: UnitReaderContext): UnitReader {
  const { clock, list } = context
  const known = new Map<string, Settings>()
  /** Units that systemd has loaded since they were read. */
  const loadedSince = new Set<string>()
  const ended = createEndedConnections(context.isConnection)
  /** Instances that do nothing and that systemd has not unloaded since it listed them. */
  const idle = new Set<string>()

  const report = (label: string, at: Instant, reading: UnitReading) => {
    const { id, snapshot, settings } = reading
    const found = !list.has(label)
    if (found) {
      if (
        settings.loadState === 'not-found' ||
        (snapshot.activeState === 'inactive' && isInstance(label) && !idle.has(label))
      )
        return
      if (id !== label || !list.add(label)) return // an alias is watched under its unit's own name, if at all
    }
    known.set(label, settings)
    loadedSince.delete(label)
    list.resolved(label, id)
    context.pairing.read(unitPath(id), snapshot)
    if (found) context.observe({ kind: 'discovered', at, unit: label })
    context.observe({ kind: 'read', unit: label, at, snapshot, settings })
    context.wasRead(label, reading)
    ended.seen(label, snapshot.activeState)
  }

  const reads = createSingleReads({ ...context, report })
  const { read } = reads
  const queue = createReadQueue(clock, read)
  const readAgain = (label: string) => {
    queue.remove(label)
    read(label, () => {})
  }
  const later = createLaterReads(clock, readAgain)
  const readNow = (label: string) => {
    if (list.isNamed(label)) readAgain(label)
    else if (!queue.addChanged(label)) context.overflowed()
  }

  const readUnless = (label: string, withinMs: number) => {
    if (clock.now().monoMs - (reads.readAtMs(label) ?? -Infinity) < withinMs) return
    if (list.isNamed(label)) readAgain(label)
    else if (!queue.addLoaded(label)) context.overflowed()
  }

  const readThese = (labels: readonly string[]) => {
    for (const label of labels) queue.remove(label)
    return readFewAtOnce([...labels], read)
  }

  /** How long to wait before reading a unit that is now in this state; null if it need not be read. */
  const waitToRead = (label: string, activeState: string): number | null => {
    const settings = known.get(label)
    if (settings !== undefined && isLoaded(settings))
      return loadedSince.has(label) && isUpOrFailed(activeState) ? READ_LOADED_AFTER_MS : null
    // A unit found through this signal was not read yet, or too early: at once, whatever was read before.
    if (settings === undefined && !reads.isFailing(label)) return 0
    return (reads.readAtMs(label) ?? 0) + READ_UNLOADED_AFTER_MS - clock.now().monoMs
  }

  const forget = (label: string) => {
    queue.remove(label)
    later.cancel(label)
    reads.forget(label)
    ended.forget(label)
    for (const notes of [known, loadedSince, idle]) notes.delete(label)
  }

  return {
    readAll() {
      for (const label of reads.labels()) if (!list.has(label)) forget(label)
      return readThese(list.all().filter((label) => !ended.has(label)))
    },
    readThese,
    loaded(label) {
      ended.loaded(label)
      loadedSince.add(label)
      readUnless(label, known.has(label) ? READ_AGAIN_AFTER_MS : READ_UNLOADED_AFTER_MS)
    },
    moved(label, activeState) {
      ended.seen(label, activeState)
      const wait = waitToRead(label, activeState)
      if (wait === null) later.cancel(label)
      else if (reads.isUnderWay(label)) return
      else if (wait <= 0) readNow(label)
      else later.readAfter(label, wait)
    },
    readAgain,
    consider: (name) => readUnless(name, READ_AGAIN_AFTER_MS),
    considerIdle: (name) => void (queue.addLoaded(name) && idle.add(name)),
    unloaded(name) {
      queue.remove(name)
      idle.delete(name)
      if (list.has(name) && !list.isNamed(name)) ended.unloaded(name)
    },
    forget,
    // A unit that only matches a pattern may be gone when it is read: it is not watched then, and not missed.
    unreadable: () => reads.unreadable(list.has),
    end() {
      later.end()
      queue.end()
    },
  }
}

interface LaterReads {
  /** Reads the unit after this time, unless a read is scheduled already. */
  readAfter(label: string, ms: number): void
  cancel(label: string): void
  end(): void
}

function createLaterReads(clock: Clock, read: (label: string) => void): LaterReads {
  const undoes = new Map<string, () => void>()
  return {
    readAfter(label, ms) {
      if (undoes.has(label)) return
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
