// Encodes and decodes a unit: tagged fields with absolute values.
import { newUnit, type Unit, ZERO } from '../../core/unit.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'
import * as part from './unit-fields.ts'

// Tags of a unit's fields. FROZEN: append only.
const NAME = 1
const COUNTERS = 2
const BASELINE = 3
const FAILURES = 4
const RUN_IDS = 5
const RUN = 6
const SNAPSHOT = 7
const SETTINGS = 8
const FLAGS = 9
const END_JOB = 10
const FAILED = 11
const LAST_CRASH = 12
const CHANGED_AT = 13
const CRASH_TIMES = 14
const BURST = 15
const GONE_SINCE = 16
const START_JOBS_FAILED = 17
const UNLOADED_SINCE = 18

const FLAPPING = 1
const GAVE_UP = 2
const BY_PATTERN = 4
const TRACKING_INTERRUPTED = 8
const TRACKING_CONTINUOUS = 16
const STOP_REQUESTED = 32
const CRASHED_THIS_BOOT = 64
/** Limit for stored crash times, newest first: above any useful `flap.count`, and a unit always fits into a page. */
const CRASH_TIMES_AT_MOST = 100
const RUN_IDS_AT_MOST = 8

/** `name`: number of the unit's name in its page. */
export function writeUnit(to: ByteWriter, unit: Unit, name: number): void {
  const { run, snapshot, settings, failed, lastCrash, changedAtMs, burst } = unit
  const { goneSinceMonoMs, unloadedSinceMonoMs } = unit
  const newestId = unit.runIds[0] ?? null
  to.field(NAME, () => to.uint(name))
  to.field(COUNTERS, () => part.writeCounters(to, unit.counters))
  if (!part.sameCounters(unit.baseline, ZERO)) to.field(BASELINE, () => part.writeCounters(to, unit.baseline))
  if (Object.keys(unit.failures).length > 0) to.field(FAILURES, () => part.writeFailures(to, unit.failures))
  const runIds = unit.runIds.slice(0, RUN_IDS_AT_MOST)
  if (runIds.length > 0) to.field(RUN_IDS, () => part.each(runIds, to.id))
  if (run !== null) to.field(RUN, () => part.writeRun(to, run, newestId))
  if (snapshot !== null) to.field(SNAPSHOT, () => part.writeUnitSnapshot(to, snapshot, newestId))
  if (settings !== null) to.field(SETTINGS, () => part.writeSettings(to, settings))
  const flags =
    (unit.flapping ? FLAPPING : 0) |
    (unit.gaveUp ? GAVE_UP : 0) |
    (unit.byPattern ? BY_PATTERN : 0) |
    (unit.stopRequested ? STOP_REQUESTED : 0) |
    (lastCrash?.thisBoot ? CRASHED_THIS_BOOT : 0) |
    (unit.tracking === 'interrupted' ? TRACKING_INTERRUPTED : unit.tracking === 'continuous' ? TRACKING_CONTINUOUS : 0)
  if (flags !== 0) to.field(FLAGS, () => to.uint(flags))
  if (unit.endJob !== 0) to.field(END_JOB, () => to.num(unit.endJob))
  if (failed !== null) {
    to.field(FAILED, () => {
      to.u8(failed.requested ? 1 : 0)
      to.num(failed.sinceMonoMs)
    })
  }
  if (lastCrash !== null) {
    to.field(LAST_CRASH, () => {
      part.writeCause(to, lastCrash.cause)
      to.u8(lastCrash.requested ? 1 : 0)
      to.num(lastCrash.atMs)
    })
  }
  if (changedAtMs !== null) to.field(CHANGED_AT, () => to.num(changedAtMs))
  const times = unit.crashTimesMonoMs.slice(-CRASH_TIMES_AT_MOST)
  if (times.length > 0) to.field(CRASH_TIMES, () => part.each(times, to.num))
  if (burst !== null) to.field(BURST, () => part.writeBurst(to, burst))
  if (Object.keys(unit.startJobsFailed).length > 0)
    to.field(START_JOBS_FAILED, () => part.writeTallies(to, unit.startJobsFailed))
  if (goneSinceMonoMs !== null) to.field(GONE_SINCE, () => to.num(goneSinceMonoMs))
  if (unloadedSinceMonoMs !== null) to.field(UNLOADED_SINCE, () => to.num(unloadedSinceMonoMs))
}

/** Throws RangeError on bytes that are not a unit. */
export function readUnit(from: ByteReader, names: readonly string[]): Unit {
  const unit: { -readonly [K in keyof Unit]: Unit[K] } = newUnit('')
  const newestId = () => unit.runIds[0] ?? null
  let flags = 0
  from.fields((tag) => {
    if (tag === NAME) unit.name = names[from.uint()] ?? ''
    else if (tag === COUNTERS) unit.counters = part.readCounters(from)
    else if (tag === BASELINE) unit.baseline = part.readCounters(from)
    else if (tag === FAILURES) unit.failures = part.readTallies(from, part.failuresOf)
    else if (tag === RUN_IDS) unit.runIds = part.all(from, () => from.id() ?? '')
    else if (tag === RUN) unit.run = part.readRun(from, newestId())
    else if (tag === SNAPSHOT) unit.snapshot = part.readUnitSnapshot(from, newestId())
    else if (tag === SETTINGS) unit.settings = part.readSettings(from)
    else if (tag === FLAGS) flags = from.uint()
    else if (tag === END_JOB) unit.endJob = from.num()
    else if (tag === FAILED) unit.failed = { requested: from.u8() !== 0, sinceMonoMs: from.num() }
    else if (tag === LAST_CRASH) {
      unit.lastCrash = { cause: part.readCause(from), requested: from.u8() !== 0, atMs: from.num(), thisBoot: false }
    } else if (tag === CHANGED_AT) unit.changedAtMs = from.num()
    else if (tag === CRASH_TIMES) unit.crashTimesMonoMs = part.all(from, () => from.num())
    else if (tag === BURST) unit.burst = part.readBurst(from)
    else if (tag === GONE_SINCE) unit.goneSinceMonoMs = from.num()
    else if (tag === UNLOADED_SINCE) unit.unloadedSinceMonoMs = from.num()
    else if (tag === START_JOBS_FAILED) unit.startJobsFailed = part.readTallies(from, (n) => n.uint())
  })
  Object.assign(unit, flagsOf(flags))
  if (unit.lastCrash !== null) unit.lastCrash = { ...unit.lastCrash, thisBoot: (flags & CRASHED_THIS_BOOT) !== 0 }
  if (unit.name === '') throw new RangeError('unit without a name')
  return unit
}

/** True if `a` and `b` differ in more than values that can be read from systemd again. */
export function differs(a: Unit, b: Unit): boolean {
  if (a === b) return false
  for (const key of Object.keys(a) as (keyof Unit)[]) if (a[key] !== b[key] && !READ_AGAIN.has(key)) return true
  return false
}

const READ_AGAIN: ReadonlySet<keyof Unit> = new Set<keyof Unit>([
  'snapshot',
  'settings',
  'settingsStale',
  'discovered',
  'outOfContact',
  'triggered',
  'job',
  'canceledAtMonoMs',
  'changedAtMs',
])

function flagsOf(flags: number): Pick<Unit, 'flapping' | 'gaveUp' | 'byPattern' | 'stopRequested' | 'tracking'> {
  return {
    flapping: (flags & FLAPPING) !== 0,
    gaveUp: (flags & GAVE_UP) !== 0,
    byPattern: (flags & BY_PATTERN) !== 0,
    stopRequested: (flags & STOP_REQUESTED) !== 0,
    tracking: flags & TRACKING_CONTINUOUS ? 'continuous' : flags & TRACKING_INTERRUPTED ? 'interrupted' : 'unseen',
  }
}
