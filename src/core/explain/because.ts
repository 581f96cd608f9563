// Follows the jobs of units, and finds the unit whose end ended another one.
import type { Because } from './evidence.ts'
import {
  DOWN,
  isStopJob,
  isUnder,
  type JobNote,
  type Moment,
  mayBeCause,
  newJob,
  proofOf,
  type Question,
  questionAbout,
  type StopJob,
  starts,
  type UnitNote,
  UP,
} from './proof.ts'
import { NO_RELATIONS, type Relations, type Tie } from './relations.ts'

/** The end of a run under a job. */
export interface JobEnd {
  readonly unit: string
  readonly job: StopJob
}

/** A unit that is not watched, as read. */
export interface RelatedUnit {
  readonly activeState: string
  /** ActiveExitTimestampMonotonic and ActiveEnterTimestampMonotonic, in ms; 0 if it never did. */
  readonly leftActiveMs: number
  readonly enteredActiveMs: number
}

/** Follows the jobs of the watched units and of those that can end them. */
export interface EndCauses {
  /** The relations of a watched unit, as read. */
  setRelations(unit: string, relations: Relations): void
  /** The relations of this unit, or of all, are not known any more. */
  forgetRelations(unit?: string): void
  /** The units that can end a watched one. */
  related(): readonly string[]
  /** A signal of a watched unit, or a read. `changedMs`: the time of its last change of state. */
  changed(unit: string, ms: number, activeState: string, job: number, changedMs: number): void
  jobNew(unit: string, job: number, ms: number): void
  /** systemd has unloaded the unit. */
  unloaded(unit: string): void
  jobRemoved(unit: string, job: number, ms: number): void
  /** The type of a job was read; null: the job does not exist any more. Returns a further question. */
  jobType(unit: string, job: number, type: string | null): Question | null
  wasRead(unit: string, related: RelatedUnit): void
  /** The end of the unit, now or soon, if it ends under this job and the job does not only start or reload it. */
  end(unit: string, job: number): JobEnd | null
  /** Which unit ended it, if that is proven. */
  of(end: JobEnd): Because | null
  /** What to read so that more can be proven; each question once for each job. */
  questions(end: JobEnd): readonly Question[]
}

/** Units that systemd has unloaded are still known while others may end because of them. */
const UNLOADED_AT_MOST = 100

export function createEndCauses(): EndCauses {
  const relations = new Map<string, Relations>()
  const notes = new Map<string, UnitNote>()
  const related = new Set<string>()
  const unloaded = createUnloaded([notes, relations])
  let order = 0

  const moment = (ms: number): Moment => ({ order: ++order, ms })
  const noteOf = (name: string): UnitNote => {
    unloaded.delete(name)
    const note = notes.get(name) ?? { name, isWatched: false, state: null, job: null, ended: null, started: null }
    notes.set(name, note)
    return note
  }
  const jobOf = (note: UnitNote, id: number): JobNote => {
    if (note.job?.id !== id) note.job = newJob(id, relations.get(note.name) ?? null)
    return note.job
  }

  /** The tie with the best proof, and of those with the same one, the one whose job came first. */
  const of = ({ unit, job }: JobEnd, except: readonly string[] = []): Because | null => {
    let best: { readonly rank: number; readonly id: number; readonly tie: Tie } | null = null
    for (const tie of tiesOf(job)) {
      const other = except.includes(tie.unit) ? undefined : notes.get(tie.unit)
      const rank = other === undefined ? null : proofOf(job, other, tie, () => isCaused(other, [...except, unit]))
      if (rank === null) continue
      const id = other?.job?.id ?? 0
      if (best === null || rank < best.rank || (rank === best.rank && id < best.id)) best = { rank, id, tie }
    }
    return best && { unit: best.tie.unit, relation: best.tie.relation }
  }
  /** `except`: the units that would be caused by this one. */
  const isCaused = ({ name, job }: UnitNote, except: readonly string[]): boolean =>
    job !== null && isStopJob(job) && of({ unit: name, job }, except) !== null

  return {
    setRelations(unit, now) {
      const job = notes.get(unit)?.job
      if (job != null && (job.relations === null || job.requested.includes(unit))) job.relations = now
      relations.set(unit, now)
      for (const tie of now.endedBy) related.add(tie.unit)
    },
    forgetRelations(unit) {
      if (unit !== undefined) return void relations.delete(unit)
      relations.clear()
      related.clear()
      // What is read from now on can be newer than the jobs of before.
      for (const note of notes.values()) keepRelations(note)
    },
    related: () => [...related],
    changed(unit, ms, state, job, changedMs) {
      const note = noteOf(unit)
      note.isWatched = true
      const now = moment(ms)
      if (job !== 0) jobOf(note, job).seen ??= { ...now, state }
      if (note.state !== null && note.state !== state) noteChange(note, note.state, state, job, now, changedMs)
      note.state = state
    },
    jobNew(unit, job, ms) {
      if (!notes.has(unit) && !related.has(unit)) return
      const note = noteOf(unit)
      const now = moment(ms)
      jobOf(note, job).announced ??= now
      if (!note.isWatched) note.started = now
    },
    unloaded: (unit) => (notes.has(unit) ? unloaded.add(unit) : undefined),
    jobRemoved(unit, id, ms) {
      const job = notes.get(unit)?.job
      if (job?.id === id) job.moved ??= moment(ms)
    },
    jobType(unit, id, type) {
      const note = notes.get(unit)
      const job = note?.job
      if (note === undefined || job?.id !== id) return null
      // systemd turns a restart job into a start job once the unit has stopped.
      if (type !== 'start' || job.moved === null) job.type = type
      else if (isStopJob(job)) job.type = 'restart'
      return type === null && !note.isWatched ? { unit, job: null } : null
    },
    wasRead(unit, { activeState, leftActiveMs, enteredActiveMs }) {
      const note = noteOf(unit)
      const { job } = note
      // A unit that runs again may have stopped just before the job that started it.
      if (job !== null) job.stopped ||= isUnder(job, leftActiveMs, UP.includes(activeState) ? 0 : undefined)
      if (job !== null) job.started ||= isUnder(job, enteredActiveMs)
      if (DOWN.includes(activeState) && leftActiveMs > 0 && job?.stopped !== true)
        note.ended = { order: 0, ms: leftActiveMs }
    },
    end(unit, id) {
      const job = notes.get(unit)?.job
      return job?.id === id && !job.isOver && isStopJob(job) ? { unit, job } : null
    },
    of: (end) => of(end),
    questions(end) {
      const { unit, job } = end
      if (of(end) !== null) return []
      const questions = tiesOf(job).map((tie) => questionAbout(job, tie, notes.get(tie.unit) ?? null))
      if (!job.requested.includes(unit) && (job.relations === null || isUnrelatedJobNear(job, notes))) {
        job.requested = [...job.requested, unit]
        questions.push({ unit, job: null })
      }
      return questions.filter((question) => question !== null)
    },
  }
}

/** Units that systemd has unloaded; what is known of the oldest is deleted beyond UNLOADED_AT_MOST. */
function createUnloaded(known: readonly Pick<Map<string, unknown>, 'delete'>[]) {
  const names = new Set<string>()
  return {
    add(name: string): void {
      names.add(name)
      const [oldest] = names
      if (oldest === undefined || names.size <= UNLOADED_AT_MOST) return
      for (const place of [names, ...known]) place.delete(oldest)
    },
    delete: (name: string) => void names.delete(name),
  }
}

/** The state of the unit changed `from` one `to` another. */
function noteChange(note: UnitNote, from: string, to: string, job: number, now: Moment, changedMs: number): void {
  const [isDown, isUp] = [UP.includes(from) && DOWN.includes(to), DOWN.includes(from) && UP.includes(to)]
  if (isUp) note.started = now
  if (note.job !== null) note.job.moved ??= { order: now.order, ms: changedMs }
  if (note.job?.id === job && isUp) note.job.isOver = true
  if (job === 0 && isDown) note.ended = now
}

function keepRelations({ name, job }: UnitNote): void {
  if (job === null) return
  job.requested = job.requested.filter((unit) => unit !== name)
  job.relations ??= NO_RELATIONS
}

function tiesOf({ relations }: JobNote): readonly Tie[] {
  return relations?.endedBy ?? []
}

/** Another unit can have been loaded since this one was read, and conflict with it. */
function isUnrelatedJobNear(job: StopJob, notes: ReadonlyMap<string, UnitNote>): boolean {
  const ties = tiesOf(job)
  for (const { name, job: other } of notes.values()) {
    if (other === null || !mayBeCause(job, other) || !starts(other, name)) continue
    if (!ties.some((tie) => tie.unit === name)) return true
  }
  return false
}
