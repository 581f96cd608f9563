// What the page knows of the gateway: its status and events, and how messages of the live stream change them. Pure.
import type { StatusView } from '../core/views/api-views.ts'
import type { ApiEvent, StateView } from './api-types.ts'

/** The events without those that only add evidence: each crash has what became known about it later. */
export function withEvidenceMerged(events: readonly ApiEvent[]): ApiEvent[] {
  const late = new Map<string | undefined, ApiEvent[]>()
  for (const event of events) {
    if (event.event === 'evidence') late.set(event.of, [...(late.get(event.of) ?? []), event])
  }
  if (late.size === 0) return [...events]
  return events
    .filter(({ event }) => event !== 'evidence')
    .map((event) => (late.get(event.id) ?? []).reduce(added, event))
}

function added(crash: ApiEvent, { evidence, because }: ApiEvent): ApiEvent {
  return { ...crash, ...(because && { because }), evidence: { ...crash.evidence, ...evidence } }
}

/** The status with a unit's new state. */
export function withState(status: StatusView, { service, ...state }: StateView): StatusView {
  const units = status.units.map((unit) => {
    if (unit.service !== service) return unit
    // Only a failed unit has given up; whether it has, the next status shows.
    return { ...unit, ...state, gave_up: state.active_state === 'failed' ? unit.gave_up : false }
  })
  return { ...status, units }
}
