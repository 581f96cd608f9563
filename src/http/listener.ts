// One request: is it allowed, which route is it, and what is the answer. What throws becomes a 500, and the agent lives.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { messageOf } from '../core/error-text.ts'
import type { Log } from '../ports.ts'
import type { Door } from './access/access.ts'
import { type Outlet, sseOutlet } from './api/stream-writer.ts'
import { shakeHands } from './api/web-socket.ts'
import { createAdmission, type Rules } from './authorize.ts'
import { readBody, refuseBody } from './request-body.ts'
import type { Requests } from './request-metrics.ts'
import { send, sendLast, sendRaw } from './respond.ts'
import { type Answer, type HttpResponse, problem, type Route, type Transport } from './route.ts'

const STREAM_TYPE = 'text/event-stream'

/**
 * Requests of one connection that wait for their answers. Nobody pipelines but who means ill: answers that are not
 * taken pile up, and behind them no refusal can be sent.
 */
const PIPELINED_AT_MOST = 2

export interface Listening extends Rules {
  readonly log: Log
  readonly requests: Requests
}

export interface Listener {
  request(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, connection: Duplex, head: Buffer): void
}

export function createListener(listening: Listening, side: Transport, door: Door | null): Listener {
  const { log, requests } = listening
  const admission = createAdmission(listening, side, door)
  /** Routes whose last answer was an error, and which: one line when it changes, not one a request. */
  const failing = new Map<Route, string>()
  const underWay = new WeakMap<Socket, number>()

  async function answerOf(route: Route, asked: Parameters<Route['answer']>[0]): Promise<Answer> {
    try {
      const answer = await route.answer(asked)
      failing.delete(route)
      return answer
    } catch (error) {
      const message = messageOf(error)
      if (failing.get(route) !== message) log('error', `http: ${route.method} ${route.path} failed: ${message}`)
      failing.set(route, message)
      return problem(500, 'internal', 'this could not be answered; the log of gatewatch says why')
    }
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = admission.find(request)
    count(response, 'route' in found ? found.route.path : 'other')
    const body = refuseBody(request, 'route' in found ? (found.route.bodyBytes ?? 0) : 0)
    if (body !== null) return underWay.get(request.socket) === 1 ? sendLast(response, body) : hangUp(request)
    const refused = await admission.refusal(request, found)
    for (const [name, value] of Object.entries(admission.headers())) response.setHeader(name, value)
    if (refused !== null) return send(request, response, refused)
    if ('status' in found) return send(request, response, found)
    const { route } = found
    if (route.webSocket) return send(request, response, NO_HANDSHAKE)
    const read = route.bodyBytes === undefined ? '' : await readBody(request)
    if (read === null) return
    const answer = await answerOf(route, admission.asked(request, found, read))
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

  async function shake(request: IncomingMessage, connection: Duplex, head: Buffer): Promise<void> {
    const found = admission.find(request)
    const path = 'route' in found ? found.route.path : 'other'
    const refuse = (said: HttpResponse) => {
      requests.answered(path, said.status, null)
      sendRaw(connection, said, admission.headers())
    }
    const refused = refuseBody(request, 0) ?? (await admission.refusal(request, found))
    if (refused !== null) return refuse(refused)
    if ('status' in found) return refuse(found)
    if (!found.route.webSocket) return refuse(problem(400, 'no_upgrade', 'only HTTP/1.1 is spoken here'))
    const answer = await answerOf(found.route, admission.asked(request, found, ''))
    if ('status' in answer) return refuse(answer)
    requests.answered(path, 101, null)
    await shakeHands(request, connection, head, answer.stream)
  }

  return {
    request(request, response) {
      // A connection that breaks is the client's matter.
      request.on('error', () => {})
      response.on('error', () => {})
      const { socket } = request
      const waiting = (underWay.get(socket) ?? 0) + 1
      underWay.set(socket, waiting)
      response.on('close', () => underWay.set(socket, (underWay.get(socket) ?? 1) - 1))
      if (waiting > PIPELINED_AT_MOST) return hangUp(request)
      handle(request, response).catch((error: unknown) => {
        log('error', `http: ${messageOf(error)}`)
        response.destroy()
      })
    },
    upgrade(request, connection, head) {
      connection.on('error', () => {})
      shake(request, connection, head).catch((error: unknown) => {
        log('error', `http: ${messageOf(error)}`)
        connection.destroy()
      })
    },
  }
}

const NO_HANDSHAKE = problem(426, 'upgrade_required', 'this is spoken by WebSocket', { upgrade: 'websocket' })

function hangUp(request: IncomingMessage): void {
  request.socket.destroy()
}

function startStream(request: IncomingMessage, response: ServerResponse, stream: (outlet: Outlet) => void): void {
  response.writeHead(200, {
    'content-type': STREAM_TYPE,
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  if (request.method === 'HEAD') response.end()
  else stream(sseOutlet(response))
}
