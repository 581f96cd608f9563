// Access control for TCP from web_config_file: TLS, client certificates, basic auth, rate limit, response headers.
import type { IncomingMessage, Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { fullBucket, refilled, spent } from '../../core/limits/token-bucket.ts'
import type { Clock, Log } from '../../ports.ts'
import { type HttpResponse, problem } from '../route.ts'
import { createBasicAuth } from './basic-auth.ts'
import type { TlsConfig, WebConfig } from './web-config.ts'
import { createWebConfigFile } from './web-config-file.ts'

export interface AccessControl {
  /** Options for https.createServer; null: plain HTTP. */
  readonly tls: object | null
  /** Why the current file is not in effect; null while it is. */
  problem(): string | null
  /** Checks the server's connections, and applies changes of the file to it. */
  protect(server: Server): void
  /** Headers of every response. */
  headers(): Readonly<Record<string, string>>
  /** The error response for a refused request, or null. `hasToken`: its bearer token replaces basic auth. */
  refusal(request: IncomingMessage, hasToken: boolean): Promise<HttpResponse | null>
  /** True if the client has authenticated by a verified certificate or, unless none was checked, by password. */
  isAuthenticated(request: IncomingMessage, passwordChecked: boolean): boolean
  /** True if clients with a certificate are verified, and those without one are served, too. */
  acceptsCertificates(): boolean
}

interface AccessOptions {
  readonly clock: Clock
  readonly log: Log
  /** TLS was switched on or off, which requires a new listener. */
  readonly onTlsToggled: () => void
  /** The peer with this address. All peers have the same limit for password checks, loopback as well. */
  readonly peerOf: (address: string) => string
  readonly optimized: Optimized
}

/** Runs work with the optimising compiler: without it, bcrypt takes ten times as long. */
export type Optimized = <T>(work: () => Promise<T>) => Promise<T>

/** Throws if the file cannot be used. */
export async function createAccessControl(path: string, options: AccessOptions): Promise<AccessControl> {
  const { clock, log, onTlsToggled, peerOf, optimized } = options
  const { compare } = (await import('bcryptjs')).default
  const passwords = createBasicAuth((password, hash) => optimized(() => compare(password, hash)))
  let server: TlsServer | null = null

  const apply = (next: WebConfig, previous: WebConfig) => {
    if ((next.tls === null) !== (previous.tls === null)) return onTlsToggled()
    if (next.tls === null || server === null) return
    server.setSecureContext(next.tls.context)
    Object.assign(server, clientCertOptions(next.tls)) // Node reads these for each connection
  }
  const file = createWebConfigFile(path, { clock, log, onChange: apply })
  const allow = createRateLimiter(clock, () => file.config().rateLimit)
  const { tls } = file.config()
  return {
    tls: tls === null ? null : { ...tls.context, ...clientCertOptions(tls) },
    problem: file.problem,
    protect(protectedServer) {
      server = isTls(protectedServer) ? protectedServer : null
      protectedServer.prependListener('connection', () => file.refresh())
      protectedServer.on('secureConnection', (socket: TLSSocket) => {
        const rules = file.config().tls
        if (rules !== null && !isAcceptedClient(socket, rules)) socket.destroy()
      })
    },
    headers: () => file.config().headers,
    async refusal({ headers, socket }, hasToken) {
      file.refresh()
      const { users } = file.config()
      if (!allow()) return problem(429, 'too_many_requests', 'request rate exceeds rate_limit; retry later')
      if (users.size === 0 || hasToken) return null
      return passwords.refusal(headers.authorization, users, { peer: peerOf(socket.remoteAddress ?? ''), socket })
    },
    isAuthenticated({ socket }, passwordChecked) {
      const { users, tls: rules } = file.config()
      if (passwordChecked && users.size > 0) return true
      return rules !== null && hasVerifiedCertificate(socket as TLSSocket, rules)
    },
    acceptsCertificates: () => file.config().tls?.clients === 'valid-if-given',
  }
}

function isTls(server: Server): server is TlsServer {
  return 'setSecureContext' in server
}

/** If certificates must be valid, the handshake refuses others, with a TLS alert; other rules apply after it. */
function clientCertOptions({ clients }: TlsConfig) {
  return { requestCert: clients !== 'none', rejectUnauthorized: clients === 'valid' }
}

function isAcceptedClient(socket: TLSSocket, { clients, allowedSans }: TlsConfig): boolean {
  const certificate = socket.getPeerCertificate()
  const present = Object.keys(certificate ?? {}).length > 0
  if (clients === 'any' && !present) return false
  if (clients === 'valid-if-given' && present && !socket.authorized) return false
  return allowedSans.length === 0 || sansOf(certificate.subjectaltname ?? '').some((san) => allowedSans.includes(san))
}

/** Node.js also counts a resumed session without a certificate as authorized. */
function hasVerifiedCertificate(socket: TLSSocket, { clients }: TlsConfig): boolean {
  if (clients !== 'valid' && clients !== 'valid-if-given') return false
  return socket.authorized === true && Object.keys(socket.getPeerCertificate() ?? {}).length > 0
}

/** `DNS:a.example, IP Address:10.0.0.1` -> the names (tls.TLSSocket.getPeerCertificate). */
function sansOf(names: string): string[] {
  return names.split(', ').map((name) => name.slice(name.indexOf(':') + 1))
}

/** Whether one more request is within the rate limit. A changed limit starts with a full bucket. */
function createRateLimiter(clock: Clock, current: () => WebConfig['rateLimit']): () => boolean {
  let limit = current()
  let bucket = limit && fullBucket(limit, clock.now().monoMs)
  return () => {
    const now = current()
    const { monoMs } = clock.now()
    if (now !== limit) {
      limit = now
      bucket = now && fullBucket(now, monoMs)
    }
    if (limit === null || bucket === null) return true
    bucket = refilled(bucket, limit, monoMs)
    if (bucket.tokens < 1) return false
    bucket = spent(bucket)
    return true
  }
}
