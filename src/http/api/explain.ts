// Why a unit crashed, stopped or does not run, and what is known about one event: for trusted clients.
import type { Event } from '../../core/event.ts'
import { explainFully } from '../../core/explain/explain-fully.ts'
import { type ExplanationInput, readNeeds } from '../../core/explain/explanation-input.ts'
import { unitOf } from '../../core/state.ts'
import { isUnitName } from '../../core/unit-name.ts'
import type { UnitStatus } from '../../core/unit-status.ts'
import { type HttpRequest, type HttpResponse, json, problem, type Views } from '../route.ts'
import { seqOf } from './event-query.ts'
import { BUSY, findUnit } from './unit-details.ts'

export async function explainUnit(views: Views, request: HttpRequest): Promise<HttpResponse> {
  const found = await findUnit(views, request.params['unit'] ?? '')
  if ('body' in found) return found
  return found.status === 'busy' ? BUSY : explanation(views, request, found.name, found.status, null)
}

export async function explainEvent(views: Views, request: HttpRequest): Promise<HttpResponse> {
  const id = request.params['id'] ?? ''
  const seq = seqOf(id, views.identity().stream)
  const event = views.history().find((one) => one.seq === seq)
  if (event === undefined) return problem(404, 'unknown_event', `no event with the id ${id} is stored`)
  const status = event.unit !== null && isUnitName(event.unit) ? await views.details(event.unit) : null
  return status === 'busy' ? BUSY : explanation(views, request, event.unit ?? '', status, event)
}

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
  const input: ExplanationInput = {
    name,
    unit: unitOf(views.live(), name) ?? null,
    status,
    needs,
    history: views.history(),
    event,
    now: views.now(),
    isLocal: transport === 'socket',
    sources: views.explaining.sources(),
  }
  return json(await explainFully(input, views.identity(), views.explaining.fromJournal))
}
