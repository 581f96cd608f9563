// The router: finds the route of a request in the table, or builds the error response. Pure.
import { type HttpResponse, problem, type Route, type Transport } from './route.ts'

export interface RouteMatch {
  readonly route: Route
  readonly params: Readonly<Record<string, string>>
}

/** HEAD uses the route of GET. */
export function findRoute(
  routes: readonly Route[],
  transport: Transport,
  method: string,
  path: string,
): RouteMatch | HttpResponse {
  const wanted = method === 'HEAD' ? 'GET' : method
  // What is fetched all the time.
  const isSame = (route: Route) => route.path === path && route.method === wanted && route.where === 'both'
  const same = path.includes(':') ? undefined : routes.find(isSame)
  if (same !== undefined) return { route: same, params: {} }
  const candidates: RouteMatch[] = []
  for (const route of routes) {
    const params = paramsOf(route.path, path)
    if (params !== null) candidates.push({ route, params })
  }
  if (candidates.length === 0) return problem(404, 'not_found', 'no such path')
  const match = candidates.find(({ route }) => route.method === wanted)
  if (match === undefined) {
    const methods = candidates.flatMap(({ route }) => (route.method === 'GET' ? ['GET', 'HEAD'] : [route.method]))
    const allow = methods.join(', ')
    return problem(405, 'method_not_allowed', `method not allowed; this path supports ${allow}`, { allow })
  }
  if (match.route.where === 'socket' && transport !== 'socket') {
    return problem(403, 'socket_only', 'only available over the local socket on the gateway')
  }
  return match
}

/** The decoded values of the pattern's `:name` segments; null if the path does not match the pattern. */
function paramsOf(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/')
  const segments = path.split('/')
  if (wanted.length !== segments.length) return null
  const params: Record<string, string> = {}
  for (const [i, part] of wanted.entries()) {
    const segment = segments[i] ?? ''
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
