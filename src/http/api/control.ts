// Unit control over HTTP: checks token and transport, runs the command, reports its outcome.
import { type Action, ControlError, type ControlProblem } from '../../core/command.ts'
import { fullName } from '../../core/unit-name.ts'
import { causeJson } from '../../core/views/unit-status-json.ts'
import { isSameToken, sentToken, tokenOrRefusal, tokenRequired } from '../access/bearer-token.ts'
import { type HttpControl, type HttpRequest, type HttpResponse, json, problem, type RouteResult } from '../route.ts'

const HTTP_ACTIONS: readonly Action[] = ['start', 'stop', 'restart', 'reload', 'reset-failed']

const STATUS_OF: Readonly<Record<ControlProblem, number>> = {
  no_such_unit: 404,
  unit_exists: 409,
  masked: 409,
  denied: 403,
  refused: 409,
  unreachable: 503,
  timed_out: 504,
}

/**
 * `?wait=false` responds at once, with 202; otherwise the response waits for the job and reports its outcome. The local
 * socket needs no token: the permissions of its file decide who may use it.
 */
export async function runCommand(control: HttpControl, request: HttpRequest): Promise<RouteResult> {
  const { params, query, transport, who } = request
  const action = HTTP_ACTIONS.find((known) => known === params['action'])
  if (action === undefined) return problem(404, 'not_found', `unknown action; use one of ${HTTP_ACTIONS.join(', ')}`)
  const unit = fullName(params['unit'] ?? '')
  const refusal = transport === 'tcp' ? refusalOf(control, request) : null
  if (refusal !== null) return refusal
  const denied = control.commands.refusal(unit)
  if (denied !== null) return problem(403, 'denied', denied)
  const noWait = query.get('wait') === 'false'
  const via = transport === 'tcp' ? 'http' : 'socket'
  try {
    const { outcome, cause } = await control.commands.run({ action, unit, noWait, who, via })
    const result = { service: unit, action, outcome, cause: cause && causeJson(cause) }
    return json(result, noWait ? 202 : 200)
  } catch (error) {
    if (error instanceof ControlError) return problem(STATUS_OF[error.code], error.code, error.message)
    throw error
  }
}

/** The units that this client may control over its transport, given the token; null if control is not possible. */
export function controlView(
  control: HttpControl,
  { transport, secure }: HttpRequest,
  units: readonly string[],
): { readonly units: readonly string[] } | null {
  if (!control.rules().enabled) return null
  if (transport === 'tcp' && typeof tokenOrRefusal(control.rules(), secure) !== 'string') return null
  return { units: units.filter((unit) => control.commands.refusal(unit) === null) }
}

function refusalOf(control: HttpControl, { secure, headers }: HttpRequest): HttpResponse | null {
  const token = tokenOrRefusal(control.rules(), secure)
  if (typeof token !== 'string') return token
  const sent = sentToken(headers)
  return sent !== null && isSameToken(sent, token) ? null : tokenRequired()
}
