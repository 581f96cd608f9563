// One unit in detail: what the agent knows of a watched unit, and for trusted clients what systemd shows of any unit.
import { unitOf } from '../../core/state.ts'
import { fullName, isUnitName } from '../../core/unit-name.ts'
import type { UnitStatus } from '../../core/unit-status.ts'
import { type Json, unitJson } from '../../core/views/api-json.ts'
import { unitFactsJson, unitProcessJson, unitStateJson } from '../../core/views/unit-status-json.ts'
import { type HttpRequest, json, problem, type RouteResult, type Views } from '../route.ts'

export async function oneUnit(views: Views, request: HttpRequest): Promise<RouteResult> {
  const given = request.params['unit'] ?? ''
  const state = views.live()
  const name = state.index.has(given) ? given : fullName(given)
  if (!request.trusted) {
    const unit = unitOf(state, name)
    return unit === undefined ? problem(404, 'unknown_unit', `${given} is not watched`) : json(unitJson(unit))
  }
  const status = isUnitName(name) ? await views.details(name) : null
  // As it is now: it may have changed while systemd was queried.
  const unit = unitOf(views.live(), name)
  if (unit !== undefined) return json({ ...unitJson(unit), watched: true, ...detailsOf(views, request, status) })
  if (status === 'busy') {
    return problem(503, 'busy', 'the details of too many units are being read; retry later', { 'retry-after': '1' })
  }
  if (status === null && isUnitName(name)) {
    return problem(503, 'no_bus', `systemd does not respond, and ${name} is not watched; see /-/ready for the reason`)
  }
  if (status === null || (status.loadState === 'not-found' && status.activeState === 'inactive')) {
    return problem(404, 'unknown_unit', `${given} is not watched, and systemd found no unit file with this name`)
  }
  const { unit: service, ...shown } = unitStateJson(status, views.wallMsOf)
  return json({ service, ...shown, watched: false, ...detailsOf(views, request, status) })
}

/** Nothing if systemd was not read: what the agent itself knows remains. */
function detailsOf({ wallMsOf }: Views, { transport }: HttpRequest, status: UnitStatus | null | 'busy'): Json {
  if (status === null || status === 'busy') return {}
  return { ...unitFactsJson(status, wallMsOf), ...(transport === 'socket' ? unitProcessJson(status) : {}) }
}
