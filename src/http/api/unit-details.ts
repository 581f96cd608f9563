// One unit in detail: what the agent knows of a watched unit, and for trusted clients what systemd shows of any unit.
import { type State, unitOf } from '../../core/state.ts'
import type { Unit } from '../../core/unit.ts'
import { fullName, isUnitName } from '../../core/unit-name.ts'
import type { ListedUnit, UnitStatus } from '../../core/unit-status.ts'
import { type Json, unitJson } from '../../core/views/api-json.ts'
import { historyJson } from '../../core/views/history-json.ts'
import { unitFactsJson, unitProcessJson, unitStateJson } from '../../core/views/unit-status-json.ts'
import { type HttpRequest, type HttpResponse, json, problem, type RouteResult, type Views } from '../route.ts'

export const BUSY = problem(503, 'busy', 'the details of too many units are being read; retry later', {
  'retry-after': '1',
})

export async function oneUnit(views: Views, request: HttpRequest): Promise<RouteResult> {
  const given = request.params['unit'] ?? ''
  if (!request.trusted) {
    const unit = unitOf(views.live(), nameOf(views, given))
    return unit === undefined ? problem(404, 'unknown_unit', `${given} is not watched`) : json(unitJson(unit))
  }
  const found = await findUnit(views, given)
  if ('body' in found) return found
  const { unit, status } = found
  const details = status === null || status === 'busy' ? {} : detailsOf(views, request, status)
  if (unit !== null) return json({ ...unitJson(unit), watched: true, history: historyJson(unit), ...details })
  const { unit: service, ...shown } = unitStateJson(found.status, views.wallMsOf)
  return json({ service, ...shown, watched: false, ...details })
}

/** A unit in the list of all that systemd has loaded. */
export function listedJson(
  { unit, description, loadState, activeState, subState }: ListedUnit,
  { index }: State,
): Json {
  return {
    service: unit,
    description,
    load_state: loadState,
    active_state: activeState,
    sub_state: subState,
    watched: index.has(unit),
  }
}

type FoundUnit =
  | { readonly name: string; readonly unit: Unit; readonly status: UnitStatus | null | 'busy' }
  | { readonly name: string; readonly unit: null; readonly status: UnitStatus }

/** Any unit, for a trusted client, with what systemd shows of it; the error response if it is neither watched nor known to systemd. */
export async function findUnit(views: Views, given: string): Promise<FoundUnit | HttpResponse> {
  const name = nameOf(views, given)
  const status = isUnitName(name) ? await views.details(name) : null
  // As it is now: it may have changed while systemd was queried.
  const unit = unitOf(views.live(), name)
  if (unit !== undefined) return { name, unit, status }
  if (status === 'busy') return BUSY
  if (status === null && isUnitName(name)) {
    return problem(503, 'no_bus', `systemd does not respond, and ${name} is not watched; see /-/ready for the reason`)
  }
  if (status === null || (status.loadState === 'not-found' && status.activeState === 'inactive')) {
    return problem(404, 'unknown_unit', `${given} is not watched, and systemd found no unit file with this name`)
  }
  return { name, unit: null, status }
}

/** A bare name means a service, unless a watched unit has it. */
function nameOf(views: Views, given: string): string {
  return views.live().index.has(given) ? given : fullName(given)
}

function detailsOf({ wallMsOf }: Views, { transport }: HttpRequest, status: UnitStatus): Json {
  return { ...unitFactsJson(status, wallMsOf), ...(transport === 'socket' ? unitProcessJson(status) : {}) }
}
