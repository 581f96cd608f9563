// The route table. GET changes nothing; a POST is limited to the local socket or requires a token.

import { blocks, type HealthCheck, reportLines } from '../../core/health.ts'
import { prefers } from '../../core/views/accept.ts'
import { checkJson, eventJson, unitJson } from '../../core/views/api-json.ts'
import { type HttpRequest, json, problem, type Route, type RouteResult, text, type Views } from '../route.ts'
import { clearOptionsOf } from './clear-body.ts'
import { controlView, reloadUnitFiles, runCommand } from './control.ts'
import { dashboard } from './dashboard.ts'
import { filterOf, latestPage, limitOf, pageAfter, redactedFor, seqOf, statesOf, unitsOf } from './event-query.ts'
import { baselinesOf } from './import-body.ts'
import type { EventStream } from './stream.ts'
import type { StreamWriter } from './stream-writer.ts'
import { BUSY, listedJson, oneUnit } from './unit-details.ts'

const IMPORT_BYTES = 1024 * 1024
/** One path of at most 4,096 bytes. */
const CLEAR_BYTES = 8192

const JSON_FORMAT = { name: 'application/json' }
const TEXT_FORMAT = { name: 'text/plain' }

const NO_BUS = problem(503, 'no_bus', 'systemd does not respond; see /-/ready for the reason')

const GET = { method: 'GET', where: 'both', hosts: 'known' } as const
const GET_ANY_HOST = { ...GET, hosts: 'any' } as const
/** For a query about units that are not watched. */
const OF_ALL_UNITS = { trustedOnly: (query: URLSearchParams) => query.get('units') === 'all' }
const GET_TRUSTED = { ...GET, trustedOnly: true } as const
const POST_ON_SOCKET = { method: 'POST', where: 'socket', hosts: 'known' } as const

export function routesOf(views: Views, stream: EventStream): readonly Route[] {
  const table: readonly Route[] = [
    { ...GET, path: '/', handle: ({ headers }) => dashboard(headers.accept) ?? text(indexOf(table)) },
    {
      ...GET_ANY_HOST,
      path: '/metrics',
      handle: async ({ headers }) => ({ status: 200, ...(await views.metrics(headers.accept ?? '')) }),
    },
    { ...GET_ANY_HOST, path: '/federate', handle: (request) => federate(views, request) },
    { ...GET_ANY_HOST, path: '/-/healthy', handle: () => text('ok\n') },
    { ...GET_ANY_HOST, path: '/-/ready', handle: ({ headers }) => ready(views.checks(), headers.accept) },
    { ...GET, path: '/api/v1/openapi.json', handle: () => description(views) },
    { ...GET, path: '/api/v1/status', handle: (request) => status(views, request) },
    { ...GET, ...OF_ALL_UNITS, path: '/api/v1/units', handle: ({ query }) => listedUnits(views, query) },
    { ...GET, path: '/api/v1/units/:unit', handle: (request) => oneUnit(views, request) },
    {
      ...GET_TRUSTED,
      path: '/api/v1/units/:unit/explain',
      handle: async (request) => explained(views, request, 'unit'),
    },
    {
      ...GET_TRUSTED,
      path: '/api/v1/events/:id/explain',
      handle: async (request) => explained(views, request, 'event'),
    },
    { ...GET, path: '/api/v1/system', handle: () => system(views) },
    { ...GET, path: '/api/v1/events', handle: (request) => events(views, request) },
    { ...GET, ...OF_ALL_UNITS, path: '/api/v1/stream', handle: (request) => openStream(views, stream, request, true) },
    {
      ...GET,
      ...OF_ALL_UNITS,
      path: '/api/v1/ws',
      webSocket: true,
      handle: (request) => openStream(views, stream, request, false),
    },
    {
      method: 'POST',
      where: 'both',
      hosts: 'known',
      acceptsToken: true,
      path: '/api/v1/units/:unit/:action',
      handle: (request) => runCommand(views.control, request),
    },
    {
      method: 'POST',
      where: 'both',
      hosts: 'known',
      path: '/api/v1/daemon-reload',
      handle: (request) => reloadUnitFiles(views.control, request),
    },
    {
      ...POST_ON_SOCKET,
      path: '/api/v1/clear',
      bodyBytes: CLEAR_BYTES,
      handle: ({ body }) => clear(views, body),
    },
    {
      ...POST_ON_SOCKET,
      path: '/api/v1/import',
      bodyBytes: IMPORT_BYTES,
      handle: ({ body }) => importCounts(views, body),
    },
  ]
  return table
}

/** The start page for clients that do not accept HTML. */
function indexOf(table: readonly Route[]): string {
  const paths = table.filter((route) => route.method === 'GET' && route.path !== '/').map((route) => route.path)
  return `gatewatch\n\n${paths.join('\n')}\n`
}

function ready(checks: readonly HealthCheck[], accept = ''): RouteResult {
  const isReady = !checks.some(blocks)
  const status = isReady ? 200 : 503
  if (prefers(accept, JSON_FORMAT, TEXT_FORMAT)) return json({ ready: isReady, checks: checks.map(checkJson) }, status)
  return text(`${[isReady ? 'ready' : 'not ready', ...reportLines(checks)].join('\n')}\n`, status)
}

async function federate(views: Views, { query, peer }: HttpRequest): Promise<RouteResult> {
  const result = await views.federate(query.getAll('match[]'), peer)
  if ('problem' in result) return problem(400, 'bad_match', result.problem)
  if ('body' in result) return { status: 200, ...result }
  if ('gaveUp' in result) return problem(503, 'too_slow', `the selectors ${result.gaveUp}; use fewer or simpler ones`)
  const seconds = String(result.retryAfterSeconds)
  return problem(503, 'busy', `too many requests to /federate are waiting; retry after ${seconds} s`, {
    'retry-after': seconds,
  })
}

function status(views: Views, request: HttpRequest): RouteResult {
  const names = views.live().units.map(({ name }) => name)
  return json({ ...views.status(), control: controlView(views.control, request, names), ...units(views) })
}

async function listedUnits(views: Views, query: URLSearchParams): Promise<RouteResult> {
  const which = unitsOf(query)
  if (which === 'watched') return json(units(views))
  if (which !== 'all') return problem(400, which.code, which.problem)
  const listed = await views.list()
  if (listed === 'busy') return BUSY
  return listed === null ? NO_BUS : json({ units: listed.map((unit) => listedJson(unit, views.live())) })
}

function units(views: Views) {
  return { units: views.live().units.map(unitJson) }
}

/** Loaded by the first request. */
async function explained(views: Views, request: HttpRequest, what: 'unit' | 'event'): Promise<RouteResult> {
  const { explainEvent, explainUnit } = await import('./explain.ts')
  return what === 'unit' ? explainUnit(views, request) : explainEvent(views, request)
}

async function description(views: Views): Promise<RouteResult> {
  const { openApi } = await import('./openapi.ts')
  return json(openApi(String(views.status()['version'])))
}

async function system(views: Views): Promise<RouteResult> {
  const state = await views.system()
  return state === null ? NO_BUS : json(state)
}

function events(views: Views, { query, transport, trusted }: HttpRequest): RouteResult {
  const limit = limitOf(query, transport)
  if (typeof limit !== 'number') return problem(400, 'bad_limit', limit.problem)
  const filter = filterOf(query)
  if ('problem' in filter) return problem(400, filter.code, filter.problem)
  const identity = views.identity()
  const newest = views.live().seq
  const since = query.get('since')
  const page =
    since === null
      ? latestPage(views.history(), filter, limit, newest)
      : pageAfter(views.history(), seqOf(since, identity.stream), filter, limit, newest)
  return json({
    events: page.events.map((event) => eventJson(redactedFor(trusted, event), identity)),
    next: `${identity.stream}-${page.next}`,
    dropped: page.dropped,
  })
}

/** Only new events, unless the client resumes by Last-Event-ID or, if it cannot set headers, by `since`. */
async function openStream(views: Views, stream: EventStream, request: HttpRequest, byDefault: boolean) {
  const { headers, query, trusted } = request
  const filter = filterOf(query)
  if ('problem' in filter) return problem(400, filter.code, filter.problem)
  const states = statesOf(query, byDefault)
  if (typeof states !== 'string') return problem(400, states.code, states.problem)
  if (!stream.hasRoom()) {
    return problem(503, 'too_many_streams', 'too many streams are open; retry later', { 'retry-after': '10' })
  }
  if (states === 'all' && !(await stream.allUnits.begin())) return NO_BUS
  const id = headers['last-event-id'] ?? query.get('since')
  const after = typeof id === 'string' ? seqOf(id, views.identity().stream) : views.live().seq
  return { stream: (writer: StreamWriter) => stream.addReader(writer, { trusted, filter, after, states }) }
}

async function clear(views: Views, body: string): Promise<RouteResult> {
  const options = clearOptionsOf(body)
  const refused = 'problem' in options ? options.problem : await views.clear(options)
  if (refused !== null) return problem(400, 'bad_clear', refused)
  return json({ cleared: views.live().units.length })
}

async function importCounts(views: Views, body: string): Promise<RouteResult> {
  const baselines = baselinesOf(body)
  if ('problem' in baselines) return problem(400, 'bad_import', baselines.problem)
  const watched = views.live().index
  await views.import(baselines)
  const names = [...baselines.keys()]
  return json({
    imported: names.filter((name) => watched.has(name)),
    not_watched: names.filter((name) => !watched.has(name)),
  })
}
