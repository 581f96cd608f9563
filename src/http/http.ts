// HTTP as the agent sees it: one table of routes, served by TCP and by the local socket, and a sink of events.
import type { Server } from 'node:http'
import { messageOf } from '../core/error-text.ts'
import type { Clock, EventSink, HttpHealth, Log } from '../ports.ts'
import type { Door } from './access/access.ts'
import { ownNames } from './access/host-check.ts'
import { routesOf } from './api/routes.ts'
import { createStream } from './api/stream.ts'
import { tcpProblem } from './listen-error.ts'
import { createListener } from './listener.ts'
import { createRequests } from './request-metrics.ts'
import type { Transport, Views } from './route.ts'
import { close, createLimited, createSecure, listen } from './server.ts'
import { prepareSocketFile, restrictSocketFile } from './socket-file.ts'

export interface HttpGiven {
  readonly views: Views
  readonly clock: Clock
  readonly log: Log
  /** What this host calls itself. */
  readonly hostname: string
  /** `http.allowed_hosts`: names beside that, IP literals and localhost. */
  readonly allowedHosts: readonly string[]
}

export interface Served {
  /** `0.0.0.0:9100`, `[::]:9100` or the path of the socket. */
  readonly address: string
  /** Why the web file as it is now is not in force; null while it is. */
  problem(): string | null
  readonly scheme: 'http' | 'https'
  /** The port that it got; null for a socket. */
  readonly port: number | null
  stop(): Promise<void>
}

export interface WebFileWanted {
  readonly path: string
  readonly stale: () => void
}

export interface Http extends EventSink {
  /**
   * Listens; null: on all addresses, 0: on any free port. Rejects naming the port or what is wrong with the web file, and
   * may be tried again. `stale` is called when the web file has changed so that it has to listen anew.
   */
  serveTcp(host: string | null, port: number, web?: WebFileWanted): Promise<Served>
  /** Listens on a unix socket, for owner and group. Rejects where somebody answers there already. */
  serveSocket(path: string): Promise<Served>
  health(): HttpHealth
  /** Ends streams and stops whatever is still served. */
  stop(): Promise<void>
}

export function createHttp({ views, clock, log, hostname, allowedHosts }: HttpGiven): Http {
  const stream = createStream(views, clock)
  const requests = createRequests()
  const configured = new Set(allowedHosts.map((name) => name.toLowerCase()))
  const names = new Set([...ownNames(hostname), ...configured])
  const listening = { routes: routesOf(views, stream), names, configured, log, requests }
  const open = new Set<Served>()

  async function serverFor(side: Transport, door: Door | null): Promise<Server> {
    const listener = createListener(listening, side, door)
    const server = door?.tls ? await createSecure(listener, door.tls) : createLimited(listener)
    door?.guard(server)
    server.on('clientError', () => requests.answered('unreadable', 400, null))
    return server
  }

  function served(server: Server, address: string, port: number | null, door: Door | null): Served {
    const it: Served = {
      address,
      port,
      scheme: door?.tls ? 'https' : 'http',
      problem: () => door?.problem() ?? null,
      async stop() {
        if (open.delete(it)) await close(server, clock)
      },
    }
    open.add(it)
    return it
  }

  return {
    health: () => ({ ...requests.read(), streamClientsDropped: stream.dropped() }),
    accept: stream.accept,
    async serveTcp(host, port, web) {
      const { openDoor } = web === undefined ? { openDoor: null } : await import('./access/access.ts')
      const door = web && openDoor ? await openDoor(web.path, clock, log, web.stale) : null
      const server = await serverFor('tcp', door)
      try {
        await listen(server, host === null ? { port } : { port, host })
      } catch (error) {
        throw tcpProblem(error, host, port)
      }
      const at = server.address()
      if (at === null || typeof at === 'string') throw new Error('TCP server without an address')
      return served(
        server,
        at.family === 'IPv6' ? `[${at.address}]:${at.port}` : `${at.address}:${at.port}`,
        at.port,
        door,
      )
    },
    async serveSocket(path) {
      await prepareSocketFile(path)
      const server = await serverFor('socket', null)
      try {
        await listen(server, { path })
        restrictSocketFile(path)
      } catch (error) {
        server.close()
        throw new Error(`listen on ${path}: ${messageOf(error)}`, {
          cause: error,
        })
      }
      return served(server, path, null, null)
    },
    async stop() {
      await stream.stop()
      await Promise.all([...open].map((it) => it.stop()))
    },
  }
}
