// One request: is it allowed, which route is it, and what is the answer. What throws becomes a 500, and the agent lives.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Log } from '../ports.ts'
import { type Answer, problem, type Route, type Said, type Side } from './api.ts'
import { readBody, refuseBody } from './body.ts'
import type { Door } from './door.ts'
import { isKnownHost, isKnownOrigin } from './hosts.ts'
import { findRoute, type Match } from './match.ts'
import type { Requests } from './requests.ts'
import { send, sendLast } from './send.ts'

const STREAM_TYPE = 'text/event-stream'
const URL_BYTES_AT_MOST = 8 * 1024

/**
 * Requests of one connection that wait for their answers. Nobody pipelines but who means ill: answers that are not
 * taken pile up, and behind them no refusal can be sent.
 */
const PIPELINED_AT_MOST = 2

export interface Listening {
  readonly routes: readonly Route[]
  /** Names that a Host header may have, in lower case. */
  readonly names: ReadonlySet<string>
  /** Those of them that are configured, whose pages may ask, too. */
  readonly configured: ReadonlySet<string>
  readonly log: Log
  readonly requests: Requests
}

export type Listener = (request: IncomingMessage, response: ServerResponse) => void

/** `door`: who may come in, where that is configured; the local socket has none. */
export function createListener(listening: Listening, side: Side, door: Door | null): Listener {
  const { routes, names, configured, log, requests } = listening
  /** Routes whose last answer was an error, and which: one line when it changes, not one a request. */
  const failing = new Map<Route, string>()
  const underWay = new WeakMap<Socket, number>()

  async function answerOf(route: Route, asked: Parameters<Route['answer']>[0]): Promise<Answer> {
    try {
      const answer = await route.answer(asked)
      failing.delete(route)
      return answer
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      if (failing.get(route) !== message) log('error', `http: ${route.method} ${route.path} failed: ${message}`)
      failing.set(route, message)
      return problem(500, 'internal', 'this could not be answered; the log of gatewatch says why')
    }
  }

  function find(request: IncomingMessage): (Match & Target) | Said {
    const target = targetOf(request.url ?? '')
    if ('status' in target) return target
    const found = findRoute(routes, side, request.method ?? '', target.path)
    return 'status' in found ? found : { ...found, ...target }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = find(request)
    count(response, 'route' in found ? found.route.path : 'other')
    const refused = refuseBody(request, 'route' in found ? (found.route.bodyBytes ?? 0) : 0)
    if (refused !== null) return underWay.get(request.socket) === 1 ? sendLast(response, refused) : hangUp(request)
    const turnedAway = door === null ? null : await door.refusal(request, response, false)
    if (turnedAway !== null) return send(request, response, turnedAway)
    if ('status' in found) return send(request, response, found)
    const { route, params, query } = found
    const foreign = side === 'tcp' && route.hosts === 'known' ? refuseForeign(request) : null
    if (foreign !== null) return send(request, response, foreign)
    const body = route.bodyBytes === undefined ? '' : await readBody(request)
    if (body === null) return
    const trusted = side === 'socket' || door?.isKnown(request) === true
    const answer = await answerOf(route, { side, trusted, params, query, headers: request.headers, body })
    if (response.destroyed) return
    if ('status' in answer) send(request, response, answer)
    else startStream(request, response, answer.stream)
  }

  /** When it is over, so that what waits for a slow client counts, too; not where nothing was said. */
  function count(response: ServerResponse, route: string): void {
    const from = performance.now()
    response.on('close', () => {
      if (!response.headersSent) return
      const streams = response.getHeader('content-type') === STREAM_TYPE
      requests.answered(route, response.statusCode, streams ? null : (performance.now() - from) / 1000)
    })
  }

  function refuseForeign({ headers }: IncomingMessage): Said | null {
    if (!isKnownHost(headers.host, names)) {
      return problem(403, 'unknown_host', 'Host is no name of this gateway; http.allowed_hosts can add one')
    }
    if (!isKnownOrigin(headers.origin, headers.host, configured)) {
      return problem(403, 'foreign_origin', 'a page of another origin may not ask')
    }
    return null
  }

  return (request, response) => {
    // A connection that breaks is the client's matter.
    request.on('error', () => {})
    response.on('error', () => {})
    const { socket } = request
    const waiting = (underWay.get(socket) ?? 0) + 1
    underWay.set(socket, waiting)
    response.on('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1))
    if (waiting > PIPELINED_AT_MOST) return hangUp(request)
    handle(request, response).catch((error: unknown) => {
      log('error', `http: ${error instanceof Error ? error.message : String(error)}`)
      response.destroy()
    })
  }
}

function hangUp(request: IncomingMessage): void {
  request.socket.destroy()
}

interface Target {
  readonly path: string
  readonly query: URLSearchParams
}

function targetOf(url: string): Target | Said {
  if (url.length > URL_BYTES_AT_MOST) return problem(414, 'url_too_long', `at most ${URL_BYTES_AT_MOST} bytes`)
  if (!url.startsWith('/')) return problem(400, 'bad_url', 'the request target must be a path')
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  return { path, query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)) }
}

function startStream(request: IncomingMessage, response: ServerResponse, stream: (r: ServerResponse) => void): void {
  response.writeHead(200, {
    'content-type': STREAM_TYPE,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  if (request.method === 'HEAD') response.end()
  else stream(response)
}
