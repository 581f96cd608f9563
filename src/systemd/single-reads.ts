// Reads single units with GetAll: notes when, which reads are under way, and which units cannot be read.
import type { Instant } from '../core/observation.ts'
import { type Bus, errorNameOf, isGone } from '../dbus/bus.ts'
import type { Clock, Log } from '../ports.ts'
import { decodeUnit, type UnitReading } from './decode.ts'
import { getAllCall } from './manager-api.ts'

interface SingleReads {
  /** Calls `done` with false only if systemd is gone. If this one unit cannot be read, that is logged once. */
  read(label: string, done: (alive: boolean) => void): void
  /** Monotonic ms of the last read; undefined if there was none. */
  readAtMs(label: string): number | undefined
  isUnderWay(label: string): boolean
  /** The last read failed. */
  isFailing(label: string): boolean
  forget(label: string): void
  /** Every unit that was read and is not forgotten. */
  labels(): readonly string[]
  /** The units that cannot be read, one sentence each. */
  unreadable(isWatched: (label: string) => boolean): readonly string[]
}

interface SingleReadsOptions {
  readonly bus: Bus
  readonly clock: Clock
  readonly log: Log
  readonly malformed: (reason: string) => void
  /** systemd did not reply; or it did, and the bus dropped the reply. */
  readonly noReply: () => void
  readonly report: (label: string, at: Instant, reading: UnitReading) => void
}

export function createSingleReads({ bus, clock, log, malformed, noReply, report }: SingleReadsOptions): SingleReads {
  const readAt = new Map<string, number>()
  const failing = new Map<string, string>() // the reason, by unit
  const underWay = new Set<string>()
  return {
    read(label, done) {
      readAt.set(label, clock.now().monoMs)
      underWay.add(label)
      bus.request(getAllCall(label), (error, body) => {
        const at = clock.now()
        underWay.delete(label)
        if (isGone(error)) return done(false)
        if (errorNameOf(error) === 'timeout') noReply()
        const reading = error === null ? decodeUnit(body) : { malformed: error.message }
        if ('malformed' in reading) {
          if (error === null) malformed(reading.malformed)
          if (!failing.has(label))
            log('warning', `${unreadableText(label, reading.malformed)}; retrying at the next reconciliation`)
          failing.set(label, reading.malformed)
        } else {
          failing.delete(label)
          report(label, at, reading)
        }
        done(true)
      })
    },
    readAtMs: (label) => readAt.get(label),
    isUnderWay: (label) => underWay.has(label),
    isFailing: (label) => failing.has(label),
    forget(label) {
      readAt.delete(label)
      failing.delete(label)
    },
    labels: () => [...readAt.keys()],
    unreadable: (isWatched) =>
      [...failing].flatMap(([label, reason]) => (isWatched(label) ? [unreadableText(label, reason)] : [])),
  }
}

function unreadableText(label: string, reason: string): string {
  return `${label}: cannot read its properties: ${reason}`
}
