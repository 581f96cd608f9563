// Finds which unit ended a watched one, from the signals of both; reads what they do not show.
import { isEnded } from '../../core/cause.ts'
import { createEndCauses, type JobEnd, type RelatedUnit } from '../../core/explain/because.ts'
import type { Because } from '../../core/explain/evidence.ts'
import type { Question } from '../../core/explain/proof.ts'
import { NO_RELATIONS, relationsOf } from '../../core/explain/relations.ts'
import type { UnitSnapshot } from '../../core/unit.ts'
import type { Body, Bus } from '../../dbus/bus.ts'
import { plain } from '../../dbus/variants.ts'
import type { Clock } from '../../ports.ts'
import { names, type UnitReading } from '../decode.ts'
import { jobTypeCall, unitPropertiesCall } from '../manager-api.ts'

/** What was not read by then is not awaited any more. */
const LATE_MS = 2000

export interface CauseWatch {
  /** A watched unit was read. */
  read(reading: UnitReading): void
  /** The relations of this unit, or of all, may have changed: they prove nothing until they are read again. */
  distrust(unit?: string): void
  /** Units whose jobs are needed. */
  related(): readonly string[]
  /** A signal of a watched unit: what ended it, if this signal shows its end and that is proven. */
  changed(unit: string, snapshot: UnitSnapshot): Because | null
  jobNew(unit: string, job: number): void
  jobRemoved(unit: string, job: number): void
  unloaded(unit: string): void
  jobType(unit: string, job: number, type: string): void
}

/** `late` is called with what is proven after the end of the run. */
export function createCauseWatch(
  bus: Bus,
  clock: Clock,
  late: (unit: string, run: string, because: Because) => void,
): CauseWatch {
  const causes = createEndCauses()
  /** Ends that a read may still explain. */
  let waiting: { readonly end: JobEnd; readonly run: string; readonly sinceMs: number }[] = []
  const nowMs = () => clock.now().monoMs

  const explainLate = () => {
    if (waiting.length === 0) return
    const now = nowMs()
    waiting = waiting.filter(({ end, run, sinceMs }) => {
      const because = causes.of(end)
      if (because !== null) late(end.unit, run, because)
      return because === null && now - sinceMs < LATE_MS
    })
  }

  const ask = ({ unit, job }: Question, about: JobEnd) => {
    if (job !== null)
      bus.request(jobTypeCall(job), (error, [value]) => {
        const type = error === null ? plain(value) : null
        const next = causes.jobType(unit, job, typeof type === 'string' ? type : null)
        if (next !== null) ask(next, about)
        explainLate()
      })
    else
      bus.request(unitPropertiesCall(unit), (error, body) => {
        if (error === null && unit === about.unit) {
          causes.setRelations(unit, relationsOf(namesIn(body)))
          askAbout(about)
        } else if (error === null) causes.wasRead(unit, relatedUnit(body))
        explainLate()
      })
  }
  const askAbout = (end: JobEnd | null) => {
    if (end !== null) for (const question of causes.questions(end)) ask(question, end)
  }

  return {
    read({ id, settings, snapshot: { activeState, job, changedAtMonoMs } }) {
      causes.setRelations(id, settings.relations ?? NO_RELATIONS)
      causes.changed(id, nowMs(), activeState, job, changedAtMonoMs)
      explainLate()
    },
    distrust: causes.forgetRelations,
    related: causes.related,
    changed(unit, snapshot) {
      const { activeState, job, changedAtMonoMs, invocationId } = snapshot
      causes.changed(unit, nowMs(), activeState, job, changedAtMonoMs)
      explainLate()
      const ended = isEnded(snapshot)
      if (job === 0 || !(ended || activeState === 'deactivating')) return null
      const end = causes.end(unit, job)
      if (end === null) return null
      const because = ended ? causes.of(end) : null
      if (because !== null) return because
      askAbout(end)
      if (ended && invocationId !== null) waiting = [...waiting, { end, run: invocationId, sinceMs: nowMs() }]
      return null
    },
    jobNew(unit, job) {
      causes.jobNew(unit, job, nowMs())
      askAbout(causes.end(unit, job))
    },
    jobRemoved: (unit, job) => causes.jobRemoved(unit, job, nowMs()),
    unloaded: causes.unloaded,
    jobType(unit, job, type) {
      causes.jobType(unit, job, type)
      explainLate()
    },
  }
}

/** The reply to GetAll of the interface that all unit types have. */
function propertyIn([reply]: Body): (name: string) => unknown {
  const properties = (typeof reply === 'object' && reply !== null ? reply : {}) as Readonly<Record<string, unknown>>
  return (name) => plain(properties[name])
}

function namesIn(body: Body): (property: string) => readonly string[] {
  const property = propertyIn(body)
  return (name) => names(property(name))
}

function relatedUnit(body: Body): RelatedUnit {
  const property = propertyIn(body)
  const ms = (name: string) => Math.floor(Number(property(name) ?? 0) / 1000)
  return {
    activeState: String(property('ActiveState')),
    leftActiveMs: ms('ActiveExitTimestampMonotonic'),
    enteredActiveMs: ms('ActiveEnterTimestampMonotonic'),
  }
}
