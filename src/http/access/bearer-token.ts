// The bearer token in control.token_file: whether clients may use it on this connection, and whether one sent it.
import { createHash, timingSafeEqual } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { type HttpResponse, problem, type TokenRules } from '../route.ts'

/** What a client over TCP must send as its token, or why none is accepted. `secure`: over TLS, or from this host. */
export function tokenOrRefusal({ enabled, token_file }: TokenRules, secure: boolean): string | HttpResponse {
  if (!enabled) return problem(403, 'control_off', 'control is disabled: control.enabled is not set')
  if (!secure) {
    const message = 'control requires TLS (web_config_file) or a connection from the gateway itself'
    return problem(403, 'tls_required', message)
  }
  const token = token_file === null ? null : readToken(token_file)
  return token ?? problem(403, 'no_token', 'control is disabled: control.token_file is not set or empty')
}

/** The token in the Authorization header, right or wrong; null if there is none. */
export function sentToken({ authorization }: IncomingHttpHeaders): string | null {
  return /^bearer (.+)$/i.exec(authorization ?? '')?.[1] ?? null
}

/** In constant time. */
export function isSameToken(sent: string, token: string): boolean {
  return timingSafeEqual(digest(sent), digest(token))
}

/** The response to a request without the right token. */
export function tokenRequired(): HttpResponse {
  const challenge = { 'www-authenticate': 'Bearer realm="gatewatch"' }
  return problem(401, 'unauthorized', 'a valid bearer token is required', challenge)
}

/** Read for each request, so that a changed token applies at once; null if the file is unreadable or empty. */
function readToken(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return null // a pipe would block the agent
    return readFileSync(path, 'utf8').trim() || null
  } catch {
    return null
  }
}

/** Gives both sides of the comparison the same length. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
