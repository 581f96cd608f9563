// Target: the bytes of a TCP client: request lines, headers and bodies (http/server, request-handler, authorize, find-route).
import fc from 'fast-check'
import { createHostNames } from '../../../src/http/access/host-check.ts'
import { routesOf } from '../../../src/http/api/routes.ts'
import { createEventStream } from '../../../src/http/api/stream.ts'
import { createConnections } from '../../../src/http/connections.ts'
import { createRequestHandler } from '../../../src/http/request-handler.ts'
import { createRequestMetrics } from '../../../src/http/request-metrics.ts'
import { createResponder } from '../../../src/http/respond.ts'
import { createHttpServer } from '../../../src/http/server.ts'
import { gateway } from '../../http/fake-views.ts'
import { settled, testClock } from '../../rig/clock.ts'
import { mutatedText } from '../mutated.ts'
import { assert, type FuzzTarget } from '../target.ts'
import { type HttpResponse, responsesIn } from './support/http-responses.ts'
import { connection } from './support/memory-connection.ts'

/** Everything that the documentation of the API names, and what Node.js itself responds. */
const STATUSES = [100, 101, 200, 400, 401, 403, 404, 405, 408, 413, 414, 417, 426, 429, 431, 503]
const ALLOWED_HOSTS = ['gateway.example']
const CLOSED_WITHIN_MS = 60_000

/** A server whose units may be controlled, but not by this client: it has no token, and the connection no TLS. */
function createServer() {
  const agent = gateway()
  agent.rules.enabled = true
  const logged: string[] = []
  const stream = createEventStream(agent.stream, testClock())
  const connections = createConnections({ peerOf: (address) => address, tls: false, onDropped: () => {} })
  const options = {
    routes: routesOf(agent.views, stream),
    hostNames: createHostNames(
      () => 'gw-7',
      () => ALLOWED_HOSTS,
    ),
    token: agent.views.control.rules,
    log: (level: string, message: string) => void logged.push(`${level} ${message}`),
    metrics: createRequestMetrics(),
    connections,
    responder: createResponder((address) => address),
  }
  const server = createHttpServer(createRequestHandler(options, 'tcp', null), connections)
  return { agent, logged, server }
}

/** All that the server sends for these bytes. */
async function exchange({ server }: ReturnType<typeof createServer>, bytes: string): Promise<string> {
  const ends = connection()
  let received = ''
  ends.client.on('error', () => {})
  ends.client.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1')
  })
  const closed = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the connection is not closed after its end')), CLOSED_WITHIN_MS)
    ends.server.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
  })
  server.emit('connection', ends.server)
  ends.client.write(Buffer.from(bytes, 'latin1'))
  for (let before = -1; before < received.length; ) {
    before = received.length
    await settled()
  }
  ends.client.end()
  await closed
  return received
}

function checkResponse({ status, headers, body }: HttpResponse): void {
  assert(STATUSES.includes(status), () => `the response has status ${status}: ${body.slice(0, 200)}`)
  if (status < 400 || headers.get('content-type') !== 'application/json' || body === '') return
  const { error } = JSON.parse(body) as { readonly error?: { readonly code: string; readonly message: string } }
  if (error === undefined) return
  assert(/^[a-z_]+$/.test(error.code) && error.message !== '', () => `not an error of the API: ${body}`)
  assert(body.length <= 50_000, () => `the error has ${body.length} characters`)
}

/** The Host header, if the bytes are one plain request for what only known hosts may have. */
function foreignHost(bytes: string): string | null {
  const request = /^GET \/(?:api\/v1\/(?:units|events|status|system|stream))? HTTP\/1\.1\r\nHost: ([^\r\n]*)\r\n\r\n$/i
  const host = request.exec(bytes)?.[1]?.toLowerCase() ?? null
  return host === null || /gw-7|gateway\.example|localhost|\d/.test(host) ? null : host
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'CONNECT', 'TRACE', 'get', 'PRI', 'G', '']
const segment = fc.oneof(
  fc.constantFrom(
    'api',
    'v1',
    'units',
    'mosquitto.service',
    'restart',
    'events',
    '%',
    '%2e%2e',
    '..',
    '',
    'ws',
    'stream',
  ),
  fc.string({ maxLength: 6 }),
)
const PATHS = [
  '/',
  '/metrics',
  '/federate',
  '/-/healthy',
  '/-/ready',
  '/api/v1/status',
  '/api/v1/units',
  '/api/v1/events',
]
const MORE_PATHS = [
  '/api/v1/stream',
  '/api/v1/ws',
  '/api/v1/clear',
  '/api/v1/import',
  '/api/v1/system',
  '*',
  'http://a/',
]
const path = fc.oneof(
  fc.constantFrom(...PATHS, ...MORE_PATHS),
  fc.array(segment, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`),
)
const query = fc.oneof(
  fc.constant(''),
  fc.constantFrom(
    '?limit=1',
    '?limit=-1',
    '?kind=crash,stop',
    '?since=0011223344556677-1',
    '?match[]=up',
    '?unit=%',
    '?&&=',
  ),
  fc.string({ maxLength: 8 }).map((text) => `?${text}`),
)
const host = fc.oneof(
  fc.constantFrom('gw-7', 'gateway.example:9100', 'evil.example', '[::1]:9100', '127.0.0.1', 'localhost.evil', ''),
  fc.string({ maxLength: 8 }),
)
const header = fc.oneof(
  host.map((name) => `Host: ${name}`),
  fc.constantFrom(
    'Accept: text/html',
    'Accept: */*;q=x',
    'Accept-Encoding: gzip',
    'Connection: close',
    'Content-Length: 0',
  ),
  fc.constantFrom(
    'Content-Length: 9',
    'Transfer-Encoding: chunked',
    'Expect: 100-continue',
    'Origin: http://evil',
    'Origin: x',
  ),
  fc.constantFrom('Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Last-Event-ID: x-1'),
  fc.constantFrom(
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    'Authorization: Bearer x',
    'Authorization: Basic eDp5',
  ),
  fc.string({ maxLength: 12 }),
)
const request = fc
  .tuple(
    fc.constantFrom(...METHODS),
    path,
    query,
    fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0'),
    fc.array(header, { maxLength: 5 }),
  )
  .map(
    ([method, at, more, version, headers]) =>
      `${[`${method} ${at}${more} ${version}`, ...headers].join('\r\n')}\r\n\r\n`,
  )
const requests = fc.oneof(
  { weight: 6, arbitrary: request },
  fc.array(request, { maxLength: 3 }).map((all) => all.join('')),
)
const foreign = fc
  .tuple(fc.constantFrom(...PATHS), fc.domain())
  .map(([at, name]) => `GET ${at} HTTP/1.1\r\nHost: ${name}\r\n\r\n`)

const WORDS = [
  '\r\n',
  '\r',
  '\n',
  ' ',
  '\t',
  ':',
  '/',
  '?',
  '%',
  '%00',
  '%ff',
  '%0d%0a',
  ',',
  ';',
  'HTTP/1.1',
  '\r\n\r\n',
  '0\r\n\r\n',
]

/** A line for each line of the request; other control characters, and bytes beyond ASCII, as `\xNN`. */
const FILES = {
  read: (file: Buffer) =>
    file
      .toString('latin1')
      .replace(/\n/g, '\r\n')
      .replace(/\\x([0-9a-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16))),
  write: (text: string) =>
    text
      .split('\r\n')
      .map((line) => line.replace(/[^ -[\]-~]/g, (c) => `\\x${(c.charCodeAt(0) & 255).toString(16).padStart(2, '0')}`))
      .join('\n'),
}

export const target: FuzzTarget<string> = {
  ...FILES,
  cpuMsAtMost: 1_000,
  inputs: (corpus) =>
    fc.oneof(
      requests,
      foreign,
      mutatedText(corpus, WORDS, 24_576),
      requests.chain((one) => mutatedText([one], WORDS, 24_576)),
    ),
  async check(bytes) {
    const server = createServer()
    const received = await exchange(server, bytes)
    const responses = responsesIn(received)
    assert(responses !== null, () => `the responses cannot be parsed: ${JSON.stringify(received.slice(0, 500))}`)
    responses.forEach(checkResponse)
    const { agent, logged } = server
    assert(!logged.some((line) => line.startsWith('error')), () => `logged: ${logged}`)
    assert(agent.cleared.length === 0 && agent.imported === null, () => 'the counters were changed over TCP')
    assert(agent.commandsRun.length === 0, () => `without a token: ${JSON.stringify(agent.commandsRun)}`)
    const name = foreignHost(bytes)
    assert(name === null || responses[0]?.status !== 200, () => `the page of ${name} can read the response`)
    if (/^GET \/[\w/%.-]* HTTP\/1\.[01]\r\n(?:Host: [\w.]+\r\n)?\r\n$/.test(bytes))
      assert(responses.length === 1, () => `${responses.length} responses for one request`)
  },
}
