// Which route a request is for, and whether it may: the same for a request and for a WebSocket, by TCP and by the socket.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Door } from './access/access.ts'
import { isKnownHost, isKnownOrigin } from './access/host-check.ts'
import { findRoute, type Match } from './find-route.ts'
import { type HttpRequest, type HttpResponse, problem, type Route, type Transport } from './route.ts'

const URL_BYTES_AT_MOST = 8 * 1024

export interface Rules {
  readonly routes: readonly Route[]
  /** Names that a Host header may have, in lower case. */
  readonly names: ReadonlySet<string>
  /** Those of them that are configured, whose pages may ask, too. */
  readonly configured: ReadonlySet<string>
}

export interface Found extends Match {
  readonly query: URLSearchParams
}

export interface Admission {
  find(request: IncomingMessage): Found | HttpResponse
  /** The refusal, or null where it may ask what was found. */
  refusal(request: IncomingMessage, found: Found | HttpResponse): Promise<HttpResponse | null>
  asked(request: IncomingMessage, found: Found, body: string): HttpRequest
  /** Headers that every answer has. */
  headers(): Readonly<Record<string, string>>
}

/** `door`: who may come in, where that is configured; the local socket has none. */
export function createAdmission({ routes, names, configured }: Rules, side: Transport, door: Door | null): Admission {
  function refuseForeign({ headers }: IncomingMessage): HttpResponse | null {
    if (!isKnownHost(headers.host, names)) {
      return problem(403, 'unknown_host', 'Host is no name of this gateway; http.allowed_hosts can add one')
    }
    if (!isKnownOrigin(headers.origin, headers.host, configured)) {
      return problem(403, 'foreign_origin', 'a page of another origin may not ask')
    }
    return null
  }
  return {
    find(request) {
      const target = targetOf(request.url ?? '')
      if ('status' in target) return target
      const found = findRoute(routes, side, request.method ?? '', target.path)
      return 'status' in found ? found : { ...found, query: target.query }
    },
    // Who may not come in is not told what there is.
    async refusal(request, found) {
      const turnedAway = (await door?.refusal(request, bringsToken(request, found))) ?? null
      if (turnedAway !== null) return turnedAway
      if ('status' in found) return found
      return side === 'tcp' && found.route.hosts === 'known' ? refuseForeign(request) : null
    },
    asked: (request, { params, query }, body) => ({
      ...{ side, params, query, body, headers: request.headers },
      ...clientOf(request.socket, side),
      trusted: side === 'socket' || door?.isKnown(request) === true,
    }),
    headers: () => door?.headers() ?? {},
  }
}

function bringsToken({ headers }: IncomingMessage, found: Found | HttpResponse): boolean {
  return 'route' in found && found.route.byToken === true && /^bearer /i.test(headers.authorization ?? '')
}

interface Target {
  readonly path: string
  readonly query: URLSearchParams
}

function targetOf(url: string): Target | HttpResponse {
  if (url.length > URL_BYTES_AT_MOST) return problem(414, 'url_too_long', `at most ${URL_BYTES_AT_MOST} bytes`)
  if (!url.startsWith('/')) return problem(400, 'bad_url', 'the request target must be a path')
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  return { path, query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)) }
}

/** By TLS, or from an address of this very host. A name in `who` is only that of a valid certificate. */
export function clientOf(socket: Socket, side: Transport): Pick<HttpRequest, 'secure' | 'who'> {
  if (side === 'socket') return { secure: true, who: null }
  if (isTls(socket)) {
    const name = socket.authorized ? socket.getPeerCertificate().subject?.CN : null
    return { secure: true, who: (Array.isArray(name) ? name[0] : name) ?? null }
  }
  return { secure: isLoopback(socket.remoteAddress ?? ''), who: null }
}

function isTls(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket && socket.encrypted === true
}

/** 127.0.0.0/8 and ::1; the former also as a dual-stack listener writes it. */
function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address)
}
