// The types of the HTTP API: the views of the agent, requests and responses, and a row of the route table.
import type { IncomingHttpHeaders } from 'node:http'
import type { Event } from '../core/event.ts'
import type { FromJournal } from '../core/explain/explain-fully.ts'
import type { EvidenceSources } from '../core/explain/explanation-input.ts'
import type { HealthCheck } from '../core/health.ts'
import type { Instant } from '../core/observation.ts'
import type { State } from '../core/state.ts'
import type { Counters } from '../core/unit.ts'
import type { ListedUnit, UnitStatus } from '../core/unit-status.ts'
import type { Identity, Json } from '../core/views/api-json.ts'
import type { UnitCommands } from '../ports.ts'
import type { StreamWriter } from './api/stream-writer.ts'

/** The change is in effect, but not on flash; the message says why. Becomes a 503 response. */
export class NotOnFlash extends Error {}

/** Everything that the routes show or change. Nothing here may block; any other exception becomes a 500 response. */
export interface Views {
  live(): State
  identity(): Identity
  /** Recent events, oldest first. */
  history(): readonly Event[]
  /** The agent's own health. */
  checks(): readonly HealthCheck[]
  /** A scrape, in the format that the Accept header requests. */
  metrics(accept: string): Promise<{ readonly type: string; readonly body: Buffer }>
  /** The series that the selectors match, why a selector is invalid, why the agent gave up, or when to retry because it is busy. */
  federate(
    matches: readonly string[],
    peer: string,
  ): Promise<
    | { readonly type: string; readonly body: string }
    | { readonly problem: string }
    | { readonly gaveUp: string }
    | { readonly retryAfterSeconds: number }
  >
  /** The agent's own health, for `gatewatch status`; the route adds the units. */
  status(): Json
  /** systemd as a whole and the machine; null while systemd does not respond. */
  system(): Promise<Json | null>
  /** What systemd shows of any unit; null if it does not respond in time, `busy` if too many are read. */
  details(unit: string): Promise<UnitStatus | null | 'busy'>
  /** Every unit that systemd has loaded; null and `busy` as above. */
  list(): Promise<readonly ListedUnit[] | null | 'busy'>
  /** The wall time of a moment of this boot, as in `Clock`. */
  wallMsOf(monoMs: number): number
  now(): Instant
  readonly explaining: Explaining
  readonly control: HttpControl
  /**
   * Sets the counters to zero and clears the stored events; resolves with null when that is on flash, or with one sentence if
   * nothing was done. Rejects with NotOnFlash.
   */
  clear(options: ClearOptions): Promise<string | null>
  /** Imports the counts of the former program as baselines, by unit name; as `clear`. */
  import(baselines: ReadonlyMap<string, Counters>): Promise<void>
}

/** What explanations need beside state and events. */
export interface Explaining {
  sources(): EvidenceSources
  readonly fromJournal: FromJournal
}

export interface ClearOptions {
  readonly keepEvents: boolean
  /** The agent's own log file or events file, to be emptied; null: none. */
  readonly logFile: string | null
}

/** `control` of the configuration in effect: whether units may be controlled, and where the bearer token is. */
export interface TokenRules {
  readonly enabled: boolean
  readonly token_file: string | null
}

/** What is needed to control units over HTTP. */
export interface HttpControl {
  readonly commands: UnitCommands & {
    /** Makes systemd read all unit files again, or rejects with a `ControlError`. */
    daemonReload(): Promise<void>
  }
  /** The agent may change unit files. */
  readonly asRoot: boolean
  rules(): TokenRules
}

/** `socket`: the local socket, which only users of this device with permission for its file can use. */
export type Transport = 'tcp' | 'socket'

/** A request as passed to a route handler. */
export interface HttpRequest {
  readonly transport: Transport
  /** Whose request it is, as in peer.ts; empty over the local socket. */
  readonly peer: string
  /** Over the local socket, or authenticated over TCP, as in access/trusted.ts. */
  readonly trusted: boolean
  /** Over the local socket, from this host, or over TLS. */
  readonly secure: boolean
  /** The name on the client's certificate, if one was requested and is valid. */
  readonly who: string | null
  /** The `:name` segments of the path, decoded. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  /** Empty if the route takes none. */
  readonly body: string
}

export interface HttpResponse {
  readonly status: number
  readonly type: string
  /** A buffer is a body that several responses share. */
  readonly body: string | Buffer
  readonly headers?: Readonly<Record<string, string>>
}

/** A response that stays open: the function owns the writer. */
interface StreamResponse {
  readonly stream: (writer: StreamWriter) => void
}

export type RouteResult = HttpResponse | StreamResponse

export interface Route {
  readonly method: 'GET' | 'POST'
  /** `:name` matches one segment. */
  readonly path: string
  readonly where: 'both' | 'socket'
  /**
   * `known`: over TCP, foreign Host and Origin headers are refused (DNS rebinding). `any`: for what monitoring systems
   * fetch, under any name that their DNS has for the gateway.
   */
  readonly hosts: 'any' | 'known'
  /** The route requires a WebSocket handshake. */
  readonly webSocket?: true
  /** A bearer token replaces basic auth. */
  readonly acceptsToken?: true
  /** Only for trusted clients: always, or for such a query. Others get 401 or 403; absent: for all clients. */
  readonly trustedOnly?: true | ((query: URLSearchParams) => boolean)
  /** The largest request body, in bytes; absent: the route takes none. */
  readonly bodyBytes?: number
  readonly handle: (request: HttpRequest) => RouteResult | Promise<RouteResult>
}

export function json(body: unknown, status = 200): HttpResponse {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` }
}

export function text(body: string, status = 200): HttpResponse {
  return { status, type: 'text/plain; charset=utf-8', body }
}

/** An error response in the format of all routes; `code` is for programs, `message` for people. */
export function problem(
  status: number,
  code: string,
  message: string,
  headers: Record<string, string> = {},
): HttpResponse {
  return { ...json({ error: { code, message } }, status), headers }
}
