// The connections of a server: limits their number, per peer and in total, and decides which of them give way.
import type { Socket } from 'node:net'
import { sendRaw } from './respond.ts'
import { type HttpResponse, problem } from './route.ts'

const CONNECTIONS_AT_MOST = 64
const REQUESTS_PER_PEER_AT_MOST = 16
/** Streams stay open, so they have a limit of their own. */
const STREAMS_PER_PEER_AT_MOST = 8

const RETRY = { 'retry-after': '5' }
const SERVER_FULL = problem(503, 'too_many_connections', 'too many connections are open; retry later', RETRY)
const PEER_REQUESTS = problem(429, 'too_many_requests', 'too many requests from this address; retry later', RETRY)
const PEER_STREAMS = problem(429, 'too_many_streams', 'too many streams from this address; retry later', RETRY)

/** A request whose header is complete. */
export interface OpenRequest {
  /** How many requests its connection has in progress, including this one. */
  readonly onConnection: number
  /** The error response if there are too many requests or connections. */
  readonly refusal: HttpResponse | null
  /** It counts as a stream from now on, unless its peer has too many: then returns the error response. */
  becomeStream(): HttpResponse | null
  /** Call it when the response is closed; not needed if the connection is. */
  end(): void
}

export interface Connections {
  /** Adds a new connection. At a limit, another one is closed first, if one has no request in progress. */
  add(socket: Socket): void
  /** `socket`: the one that was added, or the TLS connection over it. Null if it has been closed. */
  open(socket: Socket): OpenRequest | null
  destroyAll(): void
}

interface ConnectionOptions {
  /** The peer with this address; null: without limits of its own. */
  readonly peerOf: (address: string) => string | null
  readonly tls: boolean
  /** Called with the status code for each connection that was closed while it may have been sending a request. */
  readonly onDropped: (code: number) => void
}

interface Connection {
  readonly socket: Socket
  readonly address: string | undefined
  readonly port: number | undefined
  readonly peer: string | null
  /** In progress. */
  requests: number
  isStream: boolean
  /** Received when the last response was complete; null before the first. */
  bytesAtEnd: number | null
}

/** Streams and requests in progress are never closed to make room: if there is nothing else, new requests are refused. */
export function createConnections({ peerOf, tls, onDropped }: ConnectionOptions): Connections {
  /** In the order in which they began to wait for a request. */
  const all = new Set<Connection>()
  const ofPeer = (peer: string) => [...all].filter((connection) => connection.peer === peer)

  /** Closes the one whose header has been unfinished for the longest time, else the one that has been idle for it. */
  function makeRoom(candidates: readonly Connection[], reply: HttpResponse): void {
    const waiting = candidates.filter(({ requests }) => requests === 0)
    const unfinished = waiting.find(({ socket, bytesAtEnd }) => socket.bytesRead !== bytesAtEnd)
    const victim = unfinished ?? waiting[0]
    if (victim === undefined) return
    all.delete(victim)
    if (unfinished !== undefined) onDropped(reply.status)
    // After the first response, the client could take it for the response to a later request.
    if (victim.bytesAtEnd === null && !tls && victim.socket.writable) sendRaw(victim.socket, reply)
    else victim.socket.destroy()
  }

  function refusalFor(peer: string | null): HttpResponse | null {
    if (peer !== null && requestsOf(ofPeer(peer)) > REQUESTS_PER_PEER_AT_MOST) return PEER_REQUESTS
    return [...all].filter(({ requests }) => requests > 0).length > CONNECTIONS_AT_MOST ? SERVER_FULL : null
  }

  function streamRefusalFor(peer: string | null): HttpResponse | null {
    const streams = peer === null ? 0 : ofPeer(peer).filter(({ isStream }) => isStream).length
    return streams >= STREAMS_PER_PEER_AT_MOST ? PEER_STREAMS : null
  }

  return {
    add(socket) {
      const { remoteAddress: address, remotePort: port } = socket
      const peer = peerOf(address ?? '')
      const others = peer === null ? [] : ofPeer(peer).filter(({ isStream }) => !isStream)
      if (others.length >= REQUESTS_PER_PEER_AT_MOST) makeRoom(others, PEER_REQUESTS)
      if (all.size >= CONNECTIONS_AT_MOST) makeRoom([...all], SERVER_FULL)
      const connection = { socket, address, port, peer, requests: 0, isStream: false, bytesAtEnd: null }
      all.add(connection)
      socket.on('close', () => all.delete(connection))
    },
    open(socket) {
      const { remoteAddress, remotePort } = socket
      const isIts = ({ address, port }: Connection) => address === remoteAddress && port === remotePort
      const connection = [...all].find((one) => one.socket === socket || (tls && isIts(one)))
      if (connection === undefined) return null
      connection.requests += 1
      let streaming = false
      return {
        onConnection: connection.requests,
        refusal: refusalFor(connection.peer),
        becomeStream() {
          const refusal = streamRefusalFor(connection.peer)
          if (refusal === null) connection.isStream = streaming = true
          return refusal
        },
        end() {
          connection.requests -= 1
          if (streaming) connection.isStream = false
          connection.bytesAtEnd = connection.socket.bytesRead
          if (all.delete(connection)) all.add(connection)
        },
      }
    },
    destroyAll() {
      for (const { socket } of all) socket.destroy()
    },
  }
}

function requestsOf(connections: readonly Connection[]): number {
  return connections.reduce((sum, { requests, isStream }) => (isStream ? sum : sum + requests), 0)
}
