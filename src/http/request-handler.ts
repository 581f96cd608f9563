// Handles a request or a WebSocket upgrade: authorizes it, runs its route, responds. An exception becomes a 500.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { messageOf } from '../core/error-text.ts'
import type { Log } from '../ports.ts'
import type { AccessControl } from './access/access.ts'
import { createSseWriter, type StreamWriter } from './api/stream-writer.ts'
import { upgradeToWebSocket } from './api/web-socket.ts'
import { type AuthorizerOptions, createAuthorizer } from './authorize.ts'
import type { Connections, OpenRequest } from './connections.ts'
import { readBody, refuseBody } from './request-body.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { type Responder, sendRaw } from './respond.ts'
import {
  type HttpRequest,
  type HttpResponse,
  NotOnFlash,
  problem,
  type Route,
  type RouteResult,
  type Transport,
} from './route.ts'

const STREAM_TYPE = 'text/event-stream'

/**
 * Requests in progress per connection. Legitimate clients do not pipeline; unread responses would pile up in memory,
 * and no error response could be sent after them.
 */
const PIPELINED_AT_MOST = 2

const UPGRADE_REQUIRED = problem(426, 'upgrade_required', 'this endpoint requires a WebSocket upgrade', {
  upgrade: 'websocket',
})

interface HandlerOptions extends AuthorizerOptions {
  readonly log: Log
  readonly metrics: RequestMetrics
  readonly connections: Connections
  readonly responder: Responder
}

export interface RequestHandler {
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void
}

export function createRequestHandler(
  options: HandlerOptions,
  transport: Transport,
  access: AccessControl | null,
): RequestHandler {
  const { log, metrics, connections, responder } = options
  const { send, sendLast } = responder
  const authorizer = createAuthorizer(options, transport, access)
  const runRoute = createRouteRunner(log)

  async function handle(request: IncomingMessage, response: ServerResponse, open: OpenRequest): Promise<void> {
    const found = authorizer.find(request)
    countWhenDone(metrics, response, 'route' in found ? found.route.path : 'other')
    const refusal = open.refusal ?? refuseBody(request, 'route' in found ? (found.route.bodyBytes ?? 0) : 0)
    if (refusal !== null) {
      if (open.onConnection === 1) sendLast(response, refusal)
      else request.socket.destroy()
      return
    }
    const allowed = await authorizer.authorize(request, found)
    for (const [name, value] of Object.entries(authorizer.headers())) response.setHeader(name, value)
    if ('status' in allowed) return send(request, response, allowed)
    const { route } = allowed
    if (route.webSocket) return send(request, response, UPGRADE_REQUIRED)
    const body = route.bodyBytes === undefined ? '' : await readBody(request)
    if (body === null) return
    const result = await runRoute(route, authorizer.toHttpRequest(request, allowed, body))
    if (response.destroyed) return
    if ('status' in result) return send(request, response, result)
    const tooMany = open.becomeStream()
    if (tooMany !== null) return send(request, response, tooMany)
    startStream(request, response, result.stream)
  }

  async function upgrade(request: IncomingMessage, connection: Duplex, head: Buffer, open: OpenRequest): Promise<void> {
    const found = authorizer.find(request)
    const path = 'route' in found ? found.route.path : 'other'
    const refuse = (reply: HttpResponse) => {
      metrics.count(path, reply.status, null)
      sendRaw(connection, reply, authorizer.headers())
    }
    const allowed = open.refusal ?? refuseBody(request, 0) ?? (await authorizer.authorize(request, found))
    if ('status' in allowed) return refuse(allowed)
    if (!allowed.route.webSocket)
      return refuse(problem(400, 'no_upgrade', 'this endpoint does not support protocol upgrades'))
    const result = await runRoute(allowed.route, authorizer.toHttpRequest(request, allowed, ''))
    if ('status' in result) return refuse(result)
    const tooMany = open.becomeStream()
    if (tooMany !== null) return refuse(tooMany)
    metrics.count(path, 101, null)
    await upgradeToWebSocket(request, connection, head, result.stream)
  }

  return {
    request(request, response) {
      ignoreErrors(request)
      ignoreErrors(response)
      const open = connections.open(request.socket)
      if (open === null || open.onConnection > PIPELINED_AT_MOST) return void request.socket.destroy()
      response.on('close', open.end)
      handle(request, response, open).catch((error: unknown) => {
        log('error', `http: ${messageOf(error)}`)
        response.destroy()
      })
    },
    upgrade(request, connection, head) {
      ignoreErrors(connection)
      const open = connections.open(request.socket)
      if (open === null) return void connection.destroy()
      upgrade(request, connection, head, open).catch((error: unknown) => {
        log('error', `http: ${messageOf(error)}`)
        connection.destroy()
      })
    },
  }
}

/** Runs routes; an exception becomes an error response. The log has one line when a route's error changes, not one per request. */
function createRouteRunner(log: Log): (route: Route, request: HttpRequest) => Promise<RouteResult> {
  const failing = new Map<Route, string>()
  return async (route, request) => {
    try {
      const result = await route.handle(request)
      failing.delete(route)
      return result
    } catch (error) {
      const message = messageOf(error)
      if (failing.get(route) !== message) log('error', `http: ${route.method} ${route.path} failed: ${message}`)
      failing.set(route, message)
      if (error instanceof NotOnFlash) return problem(503, 'not_on_flash', message)
      return problem(500, 'internal', 'internal error; see the gatewatch log')
    }
  }
}

/** At the end, so that the time includes a slow client; not counted if no response was sent. */
function countWhenDone(metrics: RequestMetrics, response: ServerResponse, route: string): void {
  const from = performance.now()
  response.on('close', () => {
    if (!response.headersSent) return
    const streams = response.getHeader('content-type') === STREAM_TYPE
    metrics.count(route, response.statusCode, streams ? null : (performance.now() - from) / 1000)
  })
}

/** A broken connection is the client's problem and must not throw here. */
function ignoreErrors(stream: IncomingMessage | ServerResponse | Duplex): void {
  stream.on('error', () => {})
}

function startStream(request: IncomingMessage, response: ServerResponse, stream: (writer: StreamWriter) => void): void {
  response.writeHead(200, {
    'content-type': STREAM_TYPE,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  if (request.method === 'HEAD') response.end()
  else stream(createSseWriter(response))
}
