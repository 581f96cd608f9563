// Finds the route of a request in the table, or says why there is none. Pure.
import { type HttpResponse, problem, type Route, type Transport } from './route.ts'

export interface Match {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

/** HEAD is answered by the route of GET. */
export function findRoute(
  routes: readonly Route[],
  side: Transport,
  method: string,
  path: string,
): Match | HttpResponse {
  const wanted = method === 'HEAD' ? 'GET' : method
  const here: Match[] = []
  for (const route of routes) {
    const params = paramsOf(route.path, path)
    if (params !== null) here.push({ route, params })
  }
  if (here.length === 0) return problem(404, 'not_found', 'there is nothing at this path')
  const match = here.find(({ route }) => route.method === wanted)
  if (match === undefined) {
    const allow = here.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method])).join(', ')
    return problem(405, 'method_not_allowed', `only ${allow} here`, { allow })
  }
  if (match.route.where === 'socket' && side !== 'socket') {
    return problem(403, 'socket_only', 'this is possible on the gateway itself only, over the local socket')
  }
  return match
}

function paramsOf(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries()) {
    const segment = given[i] ?? ''
    if (!part.startsWith(':')) {
      if (part !== segment) return null
      continue
    }
    const decoded = decode(segment)
    if (decoded === null || decoded === '') return null
    params[part.slice(1)] = decoded
  }
  return params
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}
