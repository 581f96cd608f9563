// The HTTP API of the agent: one route table, served over TCP and the local socket, and a sink that streams events.
import type { Server } from 'node:http'
import { messageOf } from '../core/error-text.ts'
import type { Clock, EventSink, HttpHealth, Log } from '../ports.ts'
import type { AccessControl, Optimized } from './access/access.ts'
import { createHostNames } from './access/host-check.ts'
import { routesOf } from './api/routes.ts'
import { createEventStream, type StreamViews } from './api/stream.ts'
import type { AuthorizerOptions } from './authorize.ts'
import { createConnections } from './connections.ts'
import { hasNoIpv6, listenError } from './listen-error.ts'
import { LOOPBACK, peerOf as usualPeerOf } from './peer.ts'
import { createRequestHandler } from './request-handler.ts'
import { createRequestMetrics } from './request-metrics.ts'
import { createResponder } from './respond.ts'
import type { Transport, Views } from './route.ts'
import { close, createHttpServer, createHttpsServer, listen, parserErrorOf } from './server.ts'
import { prepareSocketFile, restrictSocketFile } from './socket-file.ts'

interface HttpOptions {
  readonly stream: StreamViews
  readonly clock: Clock
  readonly log: Log
  /** This host's own name, read per request: it may be set after the start. */
  readonly hostname: () => string
  /** `http.allowed_hosts`, read per request: names accepted besides the hostname, IP literals and localhost. */
  readonly allowedHosts: () => readonly string[]
  /** Which peer a TCP client's address belongs to, for its limits; by default as in peer.ts. */
  readonly peerOf?: (address: string) => string
  /** Runs a long computation with the optimising compiler, where it is disabled. */
  readonly optimized?: Optimized
}

/** The server of a listener. */
interface HttpServer {
  readonly server: Server
  close(): Promise<void>
}

export interface HttpListener {
  /** `0.0.0.0:9100`, `[::]:9100` or the path of the socket. */
  readonly address: string
  readonly scheme: 'http' | 'https'
  /** The port in use; null for a socket. */
  readonly port: number | null
  /** Why the current web_config_file is not in effect; null while it is. */
  problem(): string | null
  stop(): Promise<void>
}

interface WebConfigOptions {
  readonly path: string
  /** Called when the changed file switches TLS on or off, which requires a new listener. */
  readonly onTlsToggled: () => void
}

export interface Http extends EventSink {
  /** Sets the views that the routes show. Call it before the first listener; not an option, as they show `health()`. */
  serve(views: Views): void
  /**
   * Listens on `host` (null: all addresses) and `port` (0: any free one). Rejects with an error that names the port or
   * the fault in web_config_file; the caller may retry.
   */
  serveTcp(host: string | null, port: number, web?: WebConfigOptions): Promise<HttpListener>
  /** Listens on a unix socket for owner and group. Rejects if another process is listening on it. */
  serveSocket(path: string): Promise<HttpListener>
  health(): HttpHealth
  /** Ends the streams and stops all listeners. */
  stop(): Promise<void>
}

export function createHttp(options: HttpOptions): Http {
  const { clock, log, hostname, allowedHosts, peerOf = usualPeerOf } = options
  const stream = createEventStream(options.stream, clock)
  const metrics = createRequestMetrics()
  const responder = createResponder(peerOf)
  const hostNames = createHostNames(hostname, allowedHosts)
  let served: Pick<AuthorizerOptions, 'routes' | 'token'> = {
    routes: [],
    token: () => ({ enabled: false, token_file: null }),
  }
  const open = new Set<HttpListener>()

  async function serverFor(transport: Transport, access: AccessControl | null): Promise<HttpServer> {
    const connections = createConnections({
      peerOf: (address) => limitedPeer(transport, peerOf(address)),
      tls: access !== null && access.tls !== null,
      onDropped: (code) => metrics.count('unreadable', code, null),
    })
    const options = { ...served, hostNames, log, metrics, connections, responder }
    const handler = createRequestHandler(options, transport, access)
    const server = access?.tls
      ? await createHttpsServer(handler, connections, access.tls)
      : createHttpServer(handler, connections)
    access?.protect(server)
    server.on('clientError', (error: Error) => metrics.count('unreadable', parserErrorOf(error).status, null))
    return { server, close: () => close(server, connections, clock) }
  }

  function listenerOf(
    server: HttpServer,
    address: string,
    port: number | null,
    access: AccessControl | null,
  ): HttpListener {
    const listener: HttpListener = {
      address,
      port,
      scheme: access?.tls ? 'https' : 'http',
      problem: () => access?.problem() ?? null,
      async stop() {
        if (open.delete(listener)) await server.close()
      },
    }
    open.add(listener)
    return listener
  }

  return {
    health: () => ({ ...metrics.read(), streamClientsDropped: stream.dropped() }),
    serve(views) {
      served = { routes: routesOf(views, stream), token: views.control.rules }
    },
    accept: stream.accept,
    async serveTcp(host, port, web) {
      const access = web === undefined ? null : await accessControlFor(web, options, peerOf)
      const created = await serverFor('tcp', access)
      const { server } = created
      try {
        await listen(server, host === null ? { port } : { port, host })
      } catch (error) {
        if (host !== '::' || !hasNoIpv6(error)) throw listenError(error, host, port)
        await listen(server, { port, host: '0.0.0.0' }).catch((cause) => {
          throw listenError(cause, '0.0.0.0', port)
        })
        log('warning', 'http: this machine has no IPv6; listening on 0.0.0.0 instead of ::')
      }
      const at = server.address()
      if (at === null || typeof at === 'string') throw new Error('TCP server without an address')
      const address = at.family === 'IPv6' ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`
      return listenerOf(created, address, at.port, access)
    },
    async serveSocket(path) {
      await prepareSocketFile(path)
      const created = await serverFor('socket', null)
      const { server } = created
      try {
        await listen(server, { path })
        restrictSocketFile(path)
      } catch (error) {
        server.close()
        throw new Error(`cannot listen on ${path}: ${messageOf(error)}`, { cause: error })
      }
      return listenerOf(created, path, null, null)
    },
    async stop() {
      await stream.stop()
      await Promise.all([...open].map((listener) => listener.stop()))
    },
  }
}

/** The local socket and clients on this device have no limits of their own. */
function limitedPeer(transport: Transport, peer: string): string | null {
  return transport === 'socket' || peer === LOOPBACK ? null : peer
}

/** Loads bcrypt and YAML only if web_config_file is set: they cost memory. */
async function accessControlFor(
  { path, onTlsToggled }: WebConfigOptions,
  { clock, log, optimized = (work) => work() }: HttpOptions,
  peerOf: (address: string) => string,
): Promise<AccessControl> {
  const { createAccessControl } = await import('./access/access.ts')
  return createAccessControl(path, { clock, log, onTlsToggled, peerOf, optimized })
}
