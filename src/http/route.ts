// What HTTP asks of the agent, and what a route is: a line of the one table that TCP and the local socket serve.
import type { IncomingHttpHeaders } from 'node:http'
import type { Identity, Json } from '../core/api-json.ts'
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Counters } from '../core/unit.ts'
import type { UnitCommands } from '../ports.ts'
import type { Outlet } from './api/stream-writer.ts'

/** Everything that the routes show or do. Nothing here may block; what throws is answered by 500. */
export interface Views {
  live(): State
  identity(): Identity
  /** Recent events, oldest first. */
  history(): readonly Event[]
  /** Why the agent is not ready, one reason each; none: it is. */
  notReady(): readonly string[]
  /** A scrape, in the format that the Accept header asks for. */
  metrics(accept: string): Promise<{ readonly type: string; readonly body: string }>
  /** The series that selectors choose, or what is wrong with one. */
  federate(
    matches: readonly string[],
  ): Promise<{ readonly type: string; readonly body: string } | { readonly problem: string }>
  /** The agent's own health, for `gatewatch status`; the units are added here. */
  status(): Json
  /** systemd as a whole and the machine under it; null while systemd does not answer. */
  system(): Promise<Json | null>
  readonly control: HttpControl
  /** Zeroes the counters; resolves when flash holds it. */
  clear(): Promise<void>
  /** Takes the counts of the former program as baselines, by unit name; resolves when flash holds them. */
  import(baselines: ReadonlyMap<string, Counters>): Promise<void>
}

/** What operating units by HTTP needs. */
export interface HttpControl {
  readonly commands: UnitCommands
  /** `control` of the configuration in force. */
  rules(): { readonly enabled: boolean; readonly token_file: string | null }
}

/** `socket`: this device's users only, behind the permissions of the file. */
export type Transport = 'tcp' | 'socket'

/** A request as a handler sees it. */
export interface HttpRequest {
  readonly side: Transport
  /** On the device itself, or by TCP after having shown who it is. */
  readonly trusted: boolean
  /** On the device itself, or by TLS. */
  readonly secure: boolean
  /** The name on the client's certificate, where it was asked for and is valid. */
  readonly who: string | null
  /** Parts of the path that the route names, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Empty where the route takes none. */
  readonly body: string
}

export interface HttpResponse {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** An answer that goes on: the function owns the outlet from then on. */
export interface Streamed {
  readonly stream: (outlet: Outlet) => void
}

export type Answer = HttpResponse | Streamed

export interface Route {
  readonly method: 'GET' | 'POST'
  /** `:name` stands for one segment. */
  readonly path: string
  readonly where: 'both' | 'socket'
  /**
   * Who may ask by TCP: `known` refuses foreign Host and Origin headers (DNS rebinding). `any` is for what machines
   * fetch by whatever name their DNS has for the gateway.
   */
  readonly hosts: 'any' | 'known'
  /** It is spoken by WebSocket. */
  readonly webSocket?: true
  /** A bearer token stands in for a password here. */
  readonly byToken?: true
  /** The largest body it takes, in bytes; none where absent. */
  readonly bodyBytes?: number
  readonly answer: (asked: HttpRequest) => Answer | Promise<Answer>
}

export function json(body: unknown, status = 200): HttpResponse {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` }
}

export function text(body: string, status = 200): HttpResponse {
  return { status, type: 'text/plain; charset=utf-8', body }
}

/** An error as every route tells it; `code` is for programs, `message` for people. */
export function problem(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): HttpResponse {
  return { ...json({ error: { code, message } }, status), headers }
}
