// The fake agent of fake-views.ts, served by real HTTP listeners, and clients for it.
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { Event } from '../../src/core/event.ts'
import { createHttp, type Http, type HttpListener } from '../../src/http/http.ts'
import type { Clock, Step } from '../../src/ports.ts'
import { FROM_ZERO, testClock } from '../rig/clock.ts'
import { until as untilValue } from '../rig/until.ts'
import type { FakeGateway } from './fake-views.ts'

export * from './fake-views.ts'

/** The time does not advance; timers run in real time. */
export const frozenClock = testClock({ ...FROM_ZERO, realTimers: true })

/** Appends the events to the history and sends them to the sink. */
export function emit(it: FakeGateway, http: Http, ...events: Event[]): void {
  const before = it.state
  it.events = [...it.events, ...events]
  it.state = { ...before, seq: events.at(-1)?.seq ?? before.seq }
  const step: Step = { before, after: it.state, events, at: { monoMs: 0, wallMs: 0 } }
  http.accept(step)
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-http-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

type HttpOptions = Parameters<typeof createHttp>[0]
type ServeOptions = Partial<Pick<HttpOptions, 'hostname' | 'allowedHosts' | 'peerOf' | 'optimized'>>

export function httpOf(
  it: FakeGateway,
  clock: Clock = frozenClock,
  { allowedHosts = () => [], ...more }: ServeOptions = {},
): Http {
  const log = (level: string, message: string) => void it.logged.push(`${level} ${message}`)
  const http = createHttp({ stream: it.stream, clock, log, hostname: () => 'gw-7', allowedHosts, ...more })
  http.serve(it.views)
  onTestFinished(() => http.stop())
  return http
}

/** Serves one gateway over TCP and over a unix socket. */
export async function serve(it: FakeGateway, clock?: Clock, options?: ServeOptions) {
  const http = httpOf(it, clock, options)
  const tcp = await http.serveTcp('127.0.0.1', 0)
  const socket = await http.serveSocket(join(temporaryDirectory(), 'gatewatch.sock'))
  return { http, tcp, socket }
}

export interface HttpReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly bytes: Buffer
}

interface RequestInput {
  /** The client's address, by default 127.0.0.1. */
  readonly from?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** One request on a connection of its own. */
export function ask(
  at: HttpListener,
  path: string,
  { from = '127.0.0.1', method = 'GET', headers = {}, body }: RequestInput = {},
): Promise<HttpReply> {
  const where = at.port === null ? { socketPath: at.address } : { host: '127.0.0.1', port: at.port, localAddress: from }
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...where, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks as unknown as Uint8Array[])
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes.toString(), bytes })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Sends the bytes unchanged, and returns everything received until the server closes the connection. */
export function raw(at: HttpListener, bytes: string | Buffer): Promise<string> {
  const socket = at.port === null ? connect(at.address) : connect(at.port, '127.0.0.1')
  return new Promise((resolve, reject) => {
    let got = ''
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      got += text
    })
    socket.on('close', () => resolve(got))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.write(bytes as string)
  })
}

/** Waits until the condition is true. */
export async function until(is: () => boolean, what: string): Promise<void> {
  await untilValue(is, { what, everyMs: 5 })
}
