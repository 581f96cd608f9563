// Authorizes a request, HTTP or WebSocket: finds its route, then checks access control, Host and Origin.
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { AccessControl } from './access/access.ts'
import { type HostNames, isKnownHost, isKnownOrigin } from './access/host-check.ts'
import { isForTrusted, isTrusted, refuseUntrusted } from './access/trusted.ts'
import { findRoute, type RouteMatch } from './find-route.ts'
import { LOOPBACK, peerOf } from './peer.ts'
import { type HttpRequest, type HttpResponse, problem, type Route, type TokenRules, type Transport } from './route.ts'

const URL_BYTES_AT_MOST = 8 * 1024

export interface AuthorizerOptions {
  readonly routes: readonly Route[]
  readonly hostNames: () => HostNames
  readonly token: () => TokenRules
}

interface RoutedRequest extends RouteMatch {
  readonly query: URLSearchParams
}

interface Authorizer {
  /** The route of a request, or the error response if it has none. */
  find(request: IncomingMessage): RoutedRequest | HttpResponse
  /** What was found, if this client may have it, else the response that refuses the request. */
  authorize(request: IncomingMessage, found: RoutedRequest | HttpResponse): Promise<RoutedRequest | HttpResponse>
  toHttpRequest(request: IncomingMessage, found: RoutedRequest, body: string): HttpRequest
  /** Headers of every response. */
  headers(): Readonly<Record<string, string>>
}

/** `access`: from web_config_file; null if there is none, and on the local socket. */
export function createAuthorizer(
  { routes, hostNames, token }: AuthorizerOptions,
  transport: Transport,
  access: AccessControl | null,
): Authorizer {
  const rules = { transport, access, token }

  function refuseForeign({ headers }: IncomingMessage): HttpResponse | null {
    const names = hostNames()
    if (!isKnownHost(headers.host, names.all)) {
      return problem(403, 'unknown_host', 'Host header is not a name of this gateway; add it to http.allowed_hosts')
    }
    if (!isKnownOrigin(headers.origin, headers.host, names.configured)) {
      return problem(403, 'foreign_origin', 'cross-origin requests are not allowed')
    }
    return null
  }
  return {
    find(request) {
      const target = targetOf(request.url ?? '')
      if ('status' in target) return target
      const found = findRoute(routes, transport, request.method ?? '', target.path)
      return 'status' in found ? found : { ...found, query: target.query }
    },
    // Access control comes first: a client without access must not learn which paths exist.
    async authorize(request, found) {
      const denied = (await access?.refusal(request, hasBearerToken(request, found))) ?? null
      if (denied !== null) return denied
      if ('status' in found || transport === 'socket') return found
      const foreign = found.route.hosts === 'any' ? null : refuseForeign(request)
      if (foreign !== null || !isForTrusted(found.route, found.query)) return foreign ?? found
      const client = clientIdentityOf(request.socket, transport)
      return isTrusted(request, rules, client) ? found : refuseUntrusted(rules, client)
    },
    toHttpRequest(request, { params, query }, body) {
      const client = clientIdentityOf(request.socket, transport)
      return {
        transport,
        peer: peerOf(request.socket.remoteAddress ?? ''),
        params,
        query,
        body,
        headers: request.headers,
        trusted: isTrusted(request, rules, client),
        ...client,
      }
    },
    headers: () => access?.headers() ?? {},
  }
}

/** True for a bearer token on a route that takes one instead of the password. */
function hasBearerToken({ headers }: IncomingMessage, found: RoutedRequest | HttpResponse): boolean {
  return 'route' in found && found.route.acceptsToken === true && /^bearer /i.test(headers.authorization ?? '')
}

interface RequestTarget {
  readonly path: string
  readonly query: URLSearchParams
}

function targetOf(url: string): RequestTarget | HttpResponse {
  if (url.length > URL_BYTES_AT_MOST)
    return problem(414, 'url_too_long', `the URL is longer than ${URL_BYTES_AT_MOST} bytes`)
  if (!url.startsWith('/')) return problem(400, 'bad_url', 'the request target must be a path')
  const at = url.indexOf('?')
  const path = at < 0 ? url : url.slice(0, at)
  return { path, query: new URLSearchParams(at < 0 ? '' : url.slice(at + 1)) }
}

/** `secure`: over TLS, or from this host. `who`: the name on the client certificate, only if that is verified. */
export function clientIdentityOf(socket: Socket, transport: Transport): Pick<HttpRequest, 'secure' | 'who'> {
  if (transport === 'socket') return { secure: true, who: null }
  if (isTls(socket)) {
    const name = socket.authorized ? socket.getPeerCertificate().subject?.CN : null
    return { secure: true, who: (Array.isArray(name) ? name[0] : name) ?? null }
  }
  return { secure: peerOf(socket.remoteAddress ?? '') === LOOPBACK, who: null }
}

function isTls(socket: Socket): socket is TLSSocket {
  return 'encrypted' in socket && socket.encrypted === true
}
