// Why a unit crashed, stopped or does not run, and what is known about one event: for trusted clients.
import type { Event } from '../../core/event.ts'
import { explain, explanationJson } from '../../core/explain/explanation.ts'
import { readNeeds } from '../../core/explain/explanation-input.ts'
import { unitOf } from '../../core/state.ts'
import { fullName, isUnitName } from '../../core/unit-name.ts'
import type { UnitStatus } from '../../core/unit-status.ts'
import { type HttpRequest, type HttpResponse, json, problem, type Views } from '../route.ts'
import { seqOf } from './event-query.ts'

export async function explainUnit(views: Views, request: HttpRequest): Promise<HttpResponse> {
  const given = request.params['unit'] ?? ''
  const name = views.live().index.has(given) ? given : fullName(given)
  const isWatched = () => unitOf(views.live(), name) !== undefined
  if (!isUnitName(name) && !isWatched()) return problem(404, 'unknown_unit', `${given} is not a unit name`)
  const status = await views.details(name)
  if (status === 'busy') return BUSY
  if (!isWatched()) {
    if (status === null)
      return problem(503, 'no_bus', `systemd does not respond, and ${name} is not watched; see /-/ready for the reason`)
    if (status.loadState === 'not-found' && status.activeState === 'inactive')
      return problem(404, 'unknown_unit', `${given} is not watched, and systemd found no unit file with this name`)
  }
  return explanation(views, request, name, status, null)
}

export async function explainEvent(views: Views, request: HttpRequest): Promise<HttpResponse> {
  const id = request.params['id'] ?? ''
  const seq = seqOf(id, views.identity().stream)
  const event = views.history().find((one) => one.seq === seq)
  if (event === undefined) return problem(404, 'unknown_event', `no event with the id ${id} is stored`)
  const status = event.unit !== null && isUnitName(event.unit) ? await views.details(event.unit) : null
  return status === 'busy' ? BUSY : explanation(views, request, event.unit ?? '', status, event)
}

const BUSY = problem(503, 'busy', 'the details of too many units are being read; retry later', { 'retry-after': '1' })

async function explanation(
  views: Views,
  { transport }: HttpRequest,
  name: string,
  status: UnitStatus | null,
  event: Event | null,
): Promise<HttpResponse> {
  const needs = await readNeeds(status, async (unit) => {
    const need = await views.details(unit)
    return need === 'busy' ? null : need
  })
  const identity = views.identity()
  const explained = explain(
    {
      name,
      unit: unitOf(views.live(), name) ?? null,
      status,
      needs,
      history: views.history(),
      event,
      now: views.now(),
      isLocal: transport === 'socket',
      sources: views.explaining.sources(),
    },
    identity,
  )
  const log = explained.event?.kind === 'crash' ? await views.explaining.logLines(explained.event) : null
  return json(explanationJson(explained, identity, log))
}
