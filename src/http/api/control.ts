// Orders by HTTP: who may give them, and what became of them. No token, no control, but on the device itself.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Action, ControlError, type ControlProblem } from '../../core/command.ts'
import { fullName } from '../../core/unit-name.ts'
import { type Answer, type HttpControl, type HttpRequest, type HttpResponse, json, problem } from '../route.ts'

const ORDERS: readonly Action[] = ['start', 'stop', 'restart', 'reload', 'reset-failed']

const STATUS: Readonly<Record<ControlProblem, number>> = {
  no_such_unit: 404,
  unit_exists: 409,
  masked: 409,
  denied: 403,
  refused: 409,
  unreachable: 503,
  timed_out: 504,
}

/** `?wait=false` answers at once, with 202; else it waits for the job, and the outcome says how that ended. */
export async function obey(control: HttpControl, asked: HttpRequest): Promise<Answer> {
  const { params, query, side, who } = asked
  const action = ORDERS.find((order) => order === params['action'])
  if (action === undefined) return problem(404, 'not_found', `a unit can be told to ${ORDERS.join(', ')}`)
  const unit = fullName(params['unit'] ?? '')
  const refused = side === 'tcp' ? refusalOf(control, asked) : null
  if (refused !== null) return refused
  const why = control.commands.refusal(unit)
  if (why !== null) return problem(403, 'denied', why)
  const noWait = query.get('wait') === 'false'
  try {
    const { outcome, cause } = await control.commands.run({
      ...{ action, unit, noWait, who },
      via: side === 'tcp' ? 'http' : 'socket',
    })
    const how = cause && { result: cause.result, exit_code: cause.exitCode, signal: cause.signal }
    return json({ service: unit, action, outcome, cause: how }, noWait ? 202 : 200)
  } catch (error) {
    if (error instanceof ControlError) return problem(STATUS[error.code], error.code, error.message)
    throw error
  }
}

/** Those of the units that the asker may control from where it is, given the token; null where control is not possible. */
export function controllable(
  control: HttpControl,
  { side, secure }: HttpRequest,
  units: readonly string[],
): { readonly units: readonly string[] } | null {
  if (!control.rules().enabled || (side === 'tcp' && typeof tokenOrRefusal(control, secure) !== 'string')) return null
  return { units: units.filter((unit) => control.commands.refusal(unit) === null) }
}

function refusalOf(control: HttpControl, { secure, headers }: HttpRequest): HttpResponse | null {
  const token = tokenOrRefusal(control, secure)
  if (typeof token !== 'string') return token
  const given = /^bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
  if (given !== undefined && timingSafeEqual(digest(given), digest(token))) return null
  return problem(401, 'unauthorized', 'a bearer token is needed', { 'www-authenticate': 'Bearer realm="gatewatch"' })
}

/** The token that an order by TCP must bring, or why none is taken. */
function tokenOrRefusal(control: HttpControl, secure: boolean): string | HttpResponse {
  const { enabled, token_file } = control.rules()
  if (!enabled) return problem(403, 'control_off', 'control.enabled in the configuration switches control on')
  if (!secure)
    return problem(403, 'tls_required', 'control is possible by TLS (web_config_file) or from the gateway itself')
  const token = token_file === null ? null : tokenIn(token_file)
  return token ?? problem(403, 'no_token', 'control.token_file names no token: no token, no control')
}

/** Read each time, so that it can be changed; null where there is none. */
function tokenIn(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null
  } catch {
    return null
  }
}

/** Of one length, whatever the token's. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
