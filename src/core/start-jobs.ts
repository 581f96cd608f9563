// Start jobs that never became a run: a dependency failed, the start limit was hit, the job timed out, ...

import type { Context, Transition } from './transition.ts'
import { own, shownCounters, type Unit } from './unit.ts'

/** A stop job that takes over from a start job is announced right after it: in the same loop iteration of systemd. */
export const CANCELED_AFTER_MS = 250

/** Job results that are not failures (org.freedesktop.systemd1(5), JobRemoved): nothing was to be done. */
const HARMLESS: readonly string[] = ['done', 'skipped', 'once', 'collected']

/** Results that only a start job has, and only before it runs. */
const NEVER_RAN: readonly string[] = ['dependency', 'assert', 'unsupported']

/**
 * A job of a unit without an open run is noted: it may end without one. The type of a job is in no signal, so a job that
 * appears during a run, or while it is unknown whether there is one, may be a reload.
 */
export function noteJob(unit: Unit, id: number): Unit {
  const job = unit.run === null && unit.tracking === 'continuous' ? { id, starts: unit.counters.starts } : null
  return unit.job === null && job === null && unit.canceledAtMonoMs === null
    ? unit
    : { ...unit, job, canceledAtMonoMs: null }
}

/**
 * The type of a job that was queued beside an open run. A start job can become a restart job: systemd merges the two. That
 * is what has happened if the job that started the run starts another one. Once the run has ended, systemd turns a restart
 * job into a start job (job_finish_and_invalidate()), which shows nothing.
 */
export function noteJobType(unit: Unit, id: number, type: string): Unit {
  if (type !== 'start') return unit.startJob === id ? { ...unit, startJob: 0 } : unit
  return unit.run === null || unit.run.job === id ? unit : { ...unit, startJob: id }
}

/**
 * The job has ended. It was a start that never became a run if no run is open and none started since the job appeared:
 * a stop job of a unit that is not running ends with `done`. `failed` without a run is the start limit; every other
 * start that fails has a run. `canceled` waits for a stop job that may have taken over.
 */
export function jobEnded(unit: Unit, ctx: Context, id: number, result: string): Transition {
  const { job, run, counters } = unit
  const noted = job?.id === id
  const after: Unit = noted ? { ...unit, job: null } : unit
  if (run !== null) return { unit: after, events: [] }
  if (NEVER_RAN.includes(result)) return refuseStart(after, ctx, result)
  if (!noted || counters.starts !== job.starts || HARMLESS.includes(result)) return { unit: after, events: [] }
  if (result === 'canceled') return { unit: { ...after, canceledAtMonoMs: ctx.at.monoMs }, events: [] }
  return refuseStart(after, ctx, result === 'failed' ? 'start-limit-hit' : result)
}

/** No other job has taken over from a canceled one in time: the start was canceled. Not counted, only an event. */
export function reportCanceled(unit: Unit, ctx: Context): Transition {
  if (unit.canceledAtMonoMs === null || ctx.at.monoMs < unit.canceledAtMonoMs + CANCELED_AFTER_MS)
    return { unit, events: [] }
  return refuseStart({ ...unit, canceledAtMonoMs: null }, ctx, 'canceled')
}

function refuseStart(unit: Unit, ctx: Context, result: string): Transition {
  const count = (own(unit.startJobsFailed, result) ?? 0) + 1
  const counted =
    result === 'canceled' ? unit : { ...unit, startJobsFailed: { ...unit.startJobsFailed, [result]: count } }
  return {
    unit: counted,
    events: [{ kind: 'start_refused', unit: unit.name, source: ctx.source, result, counters: shownCounters(unit) }],
  }
}
