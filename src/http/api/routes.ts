// The one table of routes. GET changes nothing; what changes something is for the local socket, or needs a token.
import { eventJson, unitJson } from '../../core/api-json.ts'
import { unitOf } from '../../core/state.ts'
import { fullName } from '../../core/unit-name.ts'
import { type Answer, type HttpRequest, json, problem, type Route, text, type Views } from '../route.ts'
import { controllable, obey } from './control.ts'
import { dashboard } from './dashboard.ts'
import { filterOf, latestPage, limitOf, pageAfter, seqOf, shownTo } from './event-query.ts'
import { baselinesOf } from './import-body.ts'
import type { Stream } from './stream.ts'

const IMPORT_BYTES = 1024 * 1024

const GET = { method: 'GET', where: 'both', hosts: 'known' } as const
const GET_BY_ANY_NAME = { ...GET, hosts: 'any' } as const
const POST_ON_SOCKET = { method: 'POST', where: 'socket', hosts: 'known' } as const

export function routesOf(views: Views, stream: Stream): readonly Route[] {
  const table: readonly Route[] = [
    { ...GET, path: '/', answer: ({ headers }) => dashboard(headers.accept) ?? text(links(table)) },
    {
      ...GET_BY_ANY_NAME,
      path: '/metrics',
      answer: async ({ headers }) => ({ status: 200, ...(await views.metrics(headers.accept ?? '')) }),
    },
    { ...GET_BY_ANY_NAME, path: '/federate', answer: ({ query }) => federate(views, query) },
    { ...GET_BY_ANY_NAME, path: '/-/healthy', answer: () => text('ok\n') },
    { ...GET_BY_ANY_NAME, path: '/-/ready', answer: () => ready(views.notReady()) },
    { ...GET, path: '/api/v1/openapi.json', answer: () => description(views) },
    { ...GET, path: '/api/v1/status', answer: (asked) => status(views, asked) },
    { ...GET, path: '/api/v1/units', answer: () => json(units(views)) },
    { ...GET, path: '/api/v1/units/:unit', answer: ({ params }) => oneUnit(views, params['unit'] ?? '') },
    { ...GET, path: '/api/v1/system', answer: () => system(views) },
    { ...GET, path: '/api/v1/events', answer: (asked) => events(views, asked) },
    { ...GET, path: '/api/v1/stream', answer: (asked) => follow(views, stream, asked) },
    { ...GET, path: '/api/v1/ws', webSocket: true, answer: (asked) => follow(views, stream, asked) },
    {
      ...{ method: 'POST', where: 'both', hosts: 'known', byToken: true },
      path: '/api/v1/units/:unit/:action',
      answer: (asked) => obey(views.control, asked),
    },
    { ...POST_ON_SOCKET, path: '/api/v1/clear', answer: () => clear(views) },
    {
      ...POST_ON_SOCKET,
      path: '/api/v1/import',
      bodyBytes: IMPORT_BYTES,
      answer: ({ body }) => importCounts(views, body),
    },
  ]
  return table
}

function links(table: readonly Route[]): string {
  const paths = table.filter((route) => route.method === 'GET' && route.path !== '/').map((route) => route.path)
  return `gatewatch\n\n${paths.join('\n')}\n`
}

function ready(reasons: readonly string[]): Answer {
  return reasons.length === 0 ? text('ready\n') : text(`${reasons.join('\n')}\n`, 503)
}

async function federate(views: Views, query: URLSearchParams): Promise<Answer> {
  const told = await views.federate(query.getAll('match[]'))
  return 'problem' in told ? problem(400, 'bad_match', told.problem) : { status: 200, ...told }
}

function status(views: Views, asked: HttpRequest): Answer {
  const names = views.live().units.map(({ name }) => name)
  return json({ ...views.status(), control: controllable(views.control, asked, names), ...units(views) })
}

function units(views: Views) {
  return { units: views.live().units.map(unitJson) }
}

function oneUnit(views: Views, name: string): Answer {
  const state = views.live()
  const unit = unitOf(state, name) ?? unitOf(state, fullName(name))
  return unit === undefined ? problem(404, 'unknown_unit', `${name} is not watched`) : json(unitJson(unit))
}

async function description(views: Views): Promise<Answer> {
  const { openApi } = await import('./openapi.ts')
  return json(openApi(String(views.status()['version'])))
}

async function system(views: Views): Promise<Answer> {
  const told = await views.system()
  return told === null ? problem(503, 'no_bus', 'systemd does not answer; /-/ready says why') : json(told)
}

function events(views: Views, { query, side, trusted }: HttpRequest): Answer {
  const limit = limitOf(query, side)
  if (typeof limit !== 'number') return problem(400, 'bad_limit', limit.problem)
  const filter = filterOf(query)
  if ('problem' in filter) return problem(400, 'bad_kind', filter.problem)
  const identity = views.identity()
  const newest = views.live().seq
  const since = query.get('since')
  const page =
    since === null
      ? latestPage(views.history(), filter, limit, newest)
      : pageAfter(views.history(), seqOf(since, identity.stream), filter, limit, newest)
  return json({
    events: page.events.map((event) => eventJson(shownTo(trusted, event), identity)),
    next: `${identity.stream}-${page.next}`,
    dropped: page.dropped,
  })
}

/** Without Last-Event-ID (or `since`, for clients that cannot set it): from now on. */
function follow(views: Views, stream: Stream, { headers, query, trusted }: HttpRequest): Answer {
  const filter = filterOf(query)
  if ('problem' in filter) return problem(400, 'bad_kind', filter.problem)
  if (!stream.hasRoom()) return problem(503, 'too_many_streams', 'too many streams are open', { 'retry-after': '10' })
  const id = headers['last-event-id'] ?? query.get('since')
  const after = typeof id === 'string' ? seqOf(id, views.identity().stream) : views.live().seq
  return { stream: (outlet) => stream.read(outlet, trusted, filter, after) }
}

async function clear(views: Views): Promise<Answer> {
  await views.clear()
  return json({ cleared: views.live().units.length })
}

async function importCounts(views: Views, body: string): Promise<Answer> {
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
