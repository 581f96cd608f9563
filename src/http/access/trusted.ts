// Which clients are trusted with more than the states and events of the watched units: those of the local socket, and those
// over TCP that have authenticated by password, by client certificate, or by the bearer token.
import type { IncomingMessage } from 'node:http'
import { type HttpResponse, problem, type Route, type TokenRules, type Transport } from '../route.ts'
import type { AccessControl } from './access.ts'
import { isSameToken, sentToken, tokenOrRefusal, tokenRequired } from './bearer-token.ts'

export interface TrustRules {
  readonly transport: Transport
  /** From web_config_file; null if there is none. */
  readonly access: AccessControl | null
  readonly token: () => TokenRules
}

/** Over TLS, or from this host: the connections on which a token is accepted. */
type Secure = { readonly secure: boolean }

export function isTrusted(
  request: IncomingMessage,
  { transport, access, token }: TrustRules,
  { secure }: Secure,
): boolean {
  if (transport === 'socket') return true
  const sent = sentToken(request.headers)
  // With a bearer token in its place, no password has been checked.
  if (access?.isAuthenticated(request, sent === null)) return true
  if (sent === null) return false
  const accepted = tokenOrRefusal(token(), secure)
  return typeof accepted === 'string' && isSameToken(sent, accepted)
}

/** Whether only trusted clients may have what this request is for. */
export function isForTrusted({ trustedOnly }: Route, query: URLSearchParams): boolean {
  return typeof trustedOnly === 'function' ? trustedOnly(query) : trustedOnly === true
}

/** The response to a client that is not trusted: 401 if it could authenticate on this connection, else 403. */
export function refuseUntrusted({ access, token }: TrustRules, { secure }: Secure): HttpResponse {
  if (typeof tokenOrRefusal(token(), secure) === 'string') return tokenRequired()
  if (access?.acceptsCertificates()) return problem(401, 'unauthorized', 'a valid client certificate is required')
  const message =
    'available over the local socket and to authenticated clients, but this connection has no authentication: set web_config_file, or control.token_file together with TLS'
  return problem(403, 'no_authentication', message)
}
