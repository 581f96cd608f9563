// Who may come in by TCP: TLS, client certificates, passwords, the rate of requests and headers, as the web file says.
import type { IncomingMessage, Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import type { Clock, Log } from '../../ports.ts'
import { type HttpResponse, problem } from '../route.ts'
import { basicAuth } from './basic-auth.ts'
import type { Tls, WebConfig } from './web-config.ts'
import { openWebFile } from './web-config-file.ts'

export interface Door {
  /** For https.createServer; null: plain HTTP. */
  readonly tls: object | null
  problem(): string | null
  /** Takes the server under its rules, now and when they change. */
  guard(server: Server): void
  /** Headers that every answer has. */
  headers(): Readonly<Record<string, string>>
  /** The refusal of a request, or null. `hasToken`: it brings a bearer token where one stands in for a password. */
  refusal(request: IncomingMessage, hasToken: boolean): Promise<HttpResponse | null>
  /** True where whoever asks has shown who he is. */
  isKnown(request: IncomingMessage): boolean
}

/** Throws where the file cannot be used. `stale` is called when TLS was switched on or off, which needs a new listener. */
export async function openDoor(path: string, clock: Clock, log: Log, stale: () => void): Promise<Door> {
  const { compare } = (await import('bcryptjs')).default
  const passwords = basicAuth(compare)
  let server: TlsServer | null = null
  const file = openWebFile(path, { clock, log, changed: (now, before) => apply(now, before) })
  let bucket = tokens(file.config().rateLimit, clock)

  const apply = (now: WebConfig, before: WebConfig) => {
    bucket = tokens(now.rateLimit, clock)
    if ((now.tls === null) !== (before.tls === null)) return stale()
    if (now.tls === null || server === null) return
    server.setSecureContext(now.tls.context)
    Object.assign(server, clientOptions(now.tls)) // read by Node for each connection
  }
  const { tls } = file.config()
  return {
    tls: tls === null ? null : { ...tls.context, ...clientOptions(tls) },
    problem: file.problem,
    guard(guarded) {
      server = isTls(guarded) ? guarded : null
      guarded.prependListener('connection', () => file.refresh())
      guarded.on('secureConnection', (socket: TLSSocket) => {
        const rules = file.config().tls
        if (rules !== null && !isWelcome(socket, rules)) socket.destroy()
      })
    },
    headers: () => file.config().headers,
    async refusal({ headers }, hasToken) {
      file.refresh()
      const { users } = file.config()
      if (!bucket()) return problem(429, 'too_many_requests', 'more than rate_limit allows')
      return users.size === 0 || hasToken ? null : passwords.refusal(headers.authorization, users)
    },
    isKnown({ socket }) {
      const { users, tls: rules } = file.config()
      return users.size > 0 || (rules?.clients === 'valid' && 'authorized' in socket && socket.authorized === true)
    },
  }
}

function isTls(server: Server): server is TlsServer {
  return 'setSecureContext' in server
}

/** Certificates that must be valid are refused by the handshake itself, with its alert; the others afterwards. */
function clientOptions({ clients }: Tls) {
  return { requestCert: clients !== 'none', rejectUnauthorized: clients === 'valid' }
}

function isWelcome(socket: TLSSocket, { clients, allowedSans }: Tls): boolean {
  const certificate = socket.getPeerCertificate()
  const given = Object.keys(certificate ?? {}).length > 0
  if (clients === 'any' && !given) return false
  if (clients === 'valid-if-given' && given && !socket.authorized) return false
  return allowedSans.length === 0 || sansOf(certificate.subjectaltname ?? '').some((san) => allowedSans.includes(san))
}

/** `DNS:a.example, IP Address:10.0.0.1` -> the names (tls.TLSSocket.getPeerCertificate). */
function sansOf(names: string): string[] {
  return names.split(', ').map((name) => name.slice(name.indexOf(':') + 1))
}

/** A bucket of tokens: one more each `everyMs`, `burst` at most. */
function tokens(limit: WebConfig['rateLimit'], clock: Clock): () => boolean {
  if (limit === null) return () => true
  let left = limit.burst
  let atMs = clock.now().monoMs
  return () => {
    const { monoMs } = clock.now()
    left = Math.min(limit.burst, left + (monoMs - atMs) / limit.everyMs)
    atMs = monoMs
    if (left < 1) return false
    left -= 1
    return true
  }
}
