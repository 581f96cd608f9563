// Decides whether one unit ended another one: from systemd's dependencies, and from the jobs and signals of one transaction.
// systemd announces the units of one change before their jobs, except for a job that was requested, which it announces first.
import { type Relations, SHUTDOWN, type Tie } from './relations.ts'

/** systemd queues all jobs of one transaction, and those that an end causes, at once; so their signals arrive together. */
const SAME_INSTANT_MS = 250

const NONE: readonly string[] = []
const STOPPING: readonly string[] = ['stop', 'restart', 'try-restart']
const RESTARTING: readonly string[] = ['restart', 'try-restart']
const RUNNING: readonly string[] = ['active', 'reloading', 'refreshing']
/** States from which, by itself, a unit ends those that are bound to it, and states by which it does. */
export const UP: readonly string[] = [...RUNNING, 'activating']
export const DOWN: readonly string[] = ['inactive', 'failed', 'deactivating']

/** A position among the observations, and the monotonic time. */
export interface Moment {
  readonly order: number
  readonly ms: number
}

/** What is known about one job of one unit. */
export interface JobNote {
  readonly id: number
  /** The first signal of the unit with this job, and the state that it showed. */
  seen: (Moment & { readonly state: string }) | null
  /** JobNew. */
  announced: Moment | null
  /** The first change of the unit's state, or JobRemoved, under this job. */
  moved: Moment | null
  /** Its type, once it was read. */
  type: string | null
  /** From a read of the unit: it has stopped or started under this job. */
  stopped: boolean
  started: boolean
  /** The job has stopped the unit, and started it again. */
  isOver: boolean
  isTypeRequested: boolean
  /** The relations of the unit when the job was queued; null until they are known. */
  relations: Relations | null
  /** Units that were requested to be read because of this job. */
  requested: readonly string[]
}

/** A job that was queued while its unit ran. */
export type StopJob = JobNote & { readonly seen: Moment & { readonly state: string } }

export interface UnitNote {
  readonly name: string
  /** Its signals are received, and not only those of its jobs. */
  isWatched: boolean
  state: string | null
  job: JobNote | null
  /** It ended, or began to end, without a job: this ends the units that are bound to it. */
  ended: Moment | null
  /** It was started last, or, if its signals are not received, a job for it was queued. */
  started: Moment | null
}

/** What has to be read to prove more: the type of this job of the unit, or the properties of the unit if `job` is null. */
export interface Question {
  readonly unit: string
  readonly job: number | null
}

export function newJob(id: number, relations: Relations | null): JobNote {
  const unknown = { seen: null, announced: null, moved: null, type: null, relations }
  return { id, ...unknown, stopped: false, started: false, isOver: false, isTypeRequested: false, requested: NONE }
}

export function isStopJob(job: JobNote): job is StopJob {
  if (job.seen === null || !RUNNING.includes(job.seen.state)) return false
  return job.type === null || STOPPING.includes(job.type)
}

/** Whether the unit changed its state at this time under this job. Its signals may have been received up to `lateMs` later. */
export function isUnder(job: JobNote, ms: number, lateMs = SAME_INSTANT_MS): boolean {
  const first = momentOf(job)
  if (first === null || ms < first.ms - lateMs) return false
  return job.moved === null || ms <= job.moved.ms
}

/**
 * How well it is proven that the other unit caused this job, smaller is better; null if it is not.
 * 0: its own job was requested, and stopped this unit, too. 1: its start conflicts with this unit. 2: it ended by itself,
 * and this unit is bound to it. 3: it was restarted. 4: another unit stopped it in the same transaction.
 */
export function proofOf(
  job: StopJob,
  other: UnitNote,
  { unit, relation }: Tie,
  isCaused: () => boolean,
): number | null {
  const { job: cause } = other
  if (isBinding(relation) && endedBefore(job, other)) return 2
  if (cause === null || !isNear(momentOf(cause), job.seen)) return null
  if (relation !== 'Conflicts' && isInTransaction(job, cause) && isCaused()) return 4
  if (cause.id >= job.id) return null
  const pending = cause.moved === null || cause.moved.order > job.seen.order
  if (relation === 'Conflicts') return pending && starts(cause, unit) ? 1 : null
  if (!stops(cause)) return null
  if (cause.announced !== null && cause.announced.order < job.seen.order && pending) return 0
  return restarts(cause) ? 3 : null
}

/** Both jobs were queued before this one was announced: it was not requested by itself. */
function isInTransaction(job: StopJob, cause: JobNote): boolean {
  return isStopJob(cause) && job.announced !== null && cause.seen.order < job.announced.order
}

/** In a transaction, the first job has the lowest number. */
export function mayBeCause(job: StopJob, cause: JobNote): boolean {
  return cause.id < job.id && isNear(momentOf(cause), job.seen)
}

/** A requested stop is announced as one: nothing else comes between the unit's signal and JobNew. */
function endedBefore(job: StopJob, { ended, started }: UnitNote): boolean {
  if (ended === null || !isNear(ended, job.seen) || isBetween(started, ended, job.seen)) return false
  if (ended.order > 0) return job.announced !== null && ended.order < job.announced.order
  return ended.ms <= job.seen.ms && (job.moved === null || ended.ms <= job.moved.ms)
}

/** An order of 0 is a time that was read. */
function isBetween(moment: Moment | null, first: Moment, last: Moment): boolean {
  if (moment === null || moment.order > last.order) return false
  return first.order > 0 ? moment.order > first.order : moment.ms > first.ms
}

function isBinding(relation: string): boolean {
  return relation === 'BindsTo' || relation === 'StopPropagatedFrom'
}

function stops(job: JobNote): boolean {
  if (job.type !== null) return STOPPING.includes(job.type)
  return job.stopped || restarts(job) || (job.seen !== null && RUNNING.includes(job.seen.state))
}

/** A stop job is removed once the unit has stopped; a restart job starts it again. */
function restarts({ type, isOver, seen }: JobNote): boolean {
  if (type !== null) return RESTARTING.includes(type)
  return isOver && seen !== null && UP.includes(seen.state)
}

export function starts(job: JobNote, unit: string): boolean {
  if (unit === SHUTDOWN) return true
  if (job.type !== null) return job.type === 'start' || RESTARTING.includes(job.type)
  return job.started || (job.seen !== null && !RUNNING.includes(job.seen.state))
}

function momentOf({ seen, announced }: JobNote): Moment | null {
  return announced ?? seen
}

function isNear(a: Moment | null, b: Moment): boolean {
  return a !== null && Math.abs(a.ms - b.ms) <= SAME_INSTANT_MS
}

/** `job` is the one that ends the unit with this tie, `other` the other unit of the tie. */
export function questionAbout(job: StopJob, { unit, relation }: Tie, other: UnitNote | null): Question | null {
  const cause = other?.job ?? null
  if (cause !== null && mayBeCause(job, cause)) {
    if (cause.isTypeRequested || cause.type !== null || unit === SHUTDOWN) return null
    cause.isTypeRequested = true
    return { unit, job: cause.id }
  }
  if (other?.isWatched || !isBinding(relation) || job.requested.includes(unit)) return null
  job.requested = [...job.requested, unit]
  return { unit, job: null }
}
