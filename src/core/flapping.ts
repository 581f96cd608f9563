// Flapping: detects too many unrequested crashes of one unit within a time window.
import type { Policy } from './state.ts'
import type { Context, PendingEvent, Transition } from './transition.ts'
import { shownCounters, type Unit } from './unit.ts'

/** Records a crash at `ctx.at`; returns an event if it makes the unit flapping. */
export function recordCrash(unit: Unit, ctx: Context): Transition {
  const { flapCount, flapWindowMs } = ctx.policy
  const times = [...unit.crashTimesMonoMs, ctx.at.monoMs].slice(-flapCount)
  const updated = { ...unit, crashTimesMonoMs: times }
  const oldest = times[0] ?? ctx.at.monoMs
  if (unit.flapping || times.length < flapCount || ctx.at.monoMs - oldest > flapWindowMs)
    return { unit: updated, events: [] }
  const flapping = { ...updated, flapping: true }
  return { unit: flapping, events: [flappingEvent(flapping, ctx.policy, times.length)] }
}

/** Ends flapping once the window contains fewer crashes. */
export function endFlapping(unit: Unit, ctx: Context): Transition {
  if (!unit.flapping || ctx.at.monoMs < flappingEndsAtMonoMs(unit, ctx.policy)) return { unit, events: [] }
  const recent = unit.crashTimesMonoMs.filter((t) => ctx.at.monoMs - t <= ctx.policy.flapWindowMs)
  const calm = { ...unit, flapping: false, crashTimesMonoMs: recent }
  return { unit: calm, events: [flappingEvent(calm, ctx.policy, recent.length)] }
}

/** When the oldest crash leaves the window. */
export function flappingEndsAtMonoMs(unit: Unit, policy: Policy): number {
  return (unit.crashTimesMonoMs[0] ?? 0) + policy.flapWindowMs + 1
}

function flappingEvent(unit: Unit, policy: Policy, crashesInWindow: number): PendingEvent {
  return {
    kind: 'flapping',
    unit: unit.name,
    source: 'signal',
    flapping: unit.flapping,
    crashesInWindow,
    windowSeconds: policy.flapWindowMs / 1000,
    counters: shownCounters(unit),
  }
}
