// Unit control over HTTP: checks token and transport, runs the command, reports its outcome.
import { ACTIONS, type Action, ControlError, type ControlProblem } from '../../core/command.ts'
import { fullName } from '../../core/unit-name.ts'
import { causeJson } from '../../core/views/unit-status-json.ts'
import { isSameToken, sentToken, tokenOrRefusal, tokenRequired } from '../access/bearer-token.ts'
import { type HttpControl, type HttpRequest, type HttpResponse, json, problem, type RouteResult } from '../route.ts'

/** They create and remove links to unit files, which can make any program run as root. */
const UNIT_FILE_ACTIONS: readonly Action[] = ['enable', 'disable']

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
  const action = ACTIONS.find((known) => known === params['action'])
  if (action === undefined) return problem(404, 'not_found', `unknown action; use one of ${ACTIONS.join(', ')}`)
  if (UNIT_FILE_ACTIONS.includes(action) && !changesUnitFiles(control, request)) return notPossible(action)
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
    return controlProblem(error)
  }
}

/** Under the same conditions as what changes unit files, and only if control is enabled. */
export async function reloadUnitFiles(control: HttpControl, request: HttpRequest): Promise<RouteResult> {
  if (!changesUnitFiles(control, request)) return notPossible('daemon-reload')
  try {
    await control.commands.daemonReload()
    return json({ action: 'daemon-reload', outcome: 'done' })
  } catch (error) {
    return controlProblem(error)
  }
}

/** Only a local client of an agent that runs as root: for any other, this would be a permission that it does not have. */
function changesUnitFiles({ asRoot }: HttpControl, { transport }: HttpRequest): boolean {
  return asRoot && transport === 'socket'
}

function notPossible(action: string): HttpResponse {
  const message = `${action} is possible only over the local socket of an agent that runs as root; run 'gatewatch ${action}' as root`
  return problem(403, 'not_possible', message)
}

function controlProblem(error: unknown): HttpResponse {
  if (error instanceof ControlError) return problem(STATUS_OF[error.code], error.code, error.message)
  throw error
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
