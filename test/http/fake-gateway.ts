// A fake agent with literal units and events, served by real HTTP listeners, and clients for it.
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ControlError, type UnitCommand } from '../../src/core/command.ts'
import type { CrashEvent, Event } from '../../src/core/event.ts'
import type { CheckName, HealthCheck } from '../../src/core/health.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { type Counters, newUnit } from '../../src/core/unit.ts'
import { createHttp, type Http, type HttpListener } from '../../src/http/http.ts'
import type { ClearOptions, Views } from '../../src/http/route.ts'
import type { Clock, Step, UnitCommands } from '../../src/ports.ts'
import { FROM_ZERO, testClock } from '../rig/clock.ts'
import { until as untilValue } from '../rig/until.ts'

export const STREAM = '0011223344556677'
export const IDENTITY = { gatewayId: 'gw-7', machineId: '5d1a9f0c7e3b4a2d8c6f1e0b9a7d5c3e', stream: STREAM }
const COUNTERS: Counters = { starts: 2, stops: 0, crashes: 1, restarts: 1, lost: 0 }

/** The time does not advance; timers run in real time. */
export const frozenClock = testClock({ ...FROM_ZERO, realTimers: true })

export function crash(seq: number, unit = 'mosquitto.service', more: Partial<CrashEvent> = {}): CrashEvent {
  return {
    kind: 'crash',
    seq,
    unit,
    atMs: 1_795_169_723_412 + seq,
    bootId: 'b00710000000000000000000000000aa',
    source: 'signal',
    clockSynced: true,
    counters: COUNTERS,
    fromState: 'active',
    toState: 'failed',
    subState: 'failed',
    result: 'signal',
    exitCode: null,
    signal: 'SIGKILL',
    coreDumped: false,
    invocationId: '0123456789abcdef0123456789abcdef',
    requested: false,
    willRestart: true,
    ...more,
  }
}

export function lost(seq: number, unit = 'mosquitto.service'): Event {
  const { bootId, source, clockSynced, counters } = crash(seq)
  return { kind: 'lost', seq, unit, atMs: 1_795_169_723_412, bootId, source, clockSynced, counters, invocationId: null }
}

/** A healthy check; with a `problem` an unhealthy one. */
export function checkOf(name: CheckName, problem?: string): HealthCheck {
  return { name, healthy: problem === undefined, message: problem ?? 'OK', sinceMs: 1_795_169_700_000 }
}

export interface FakeGateway {
  state: State
  events: Event[]
  checks: HealthCheck[]
  readonly cleared: ClearOptions[]
  imported: ReadonlyMap<string, Counters> | null
  /** If set, `status` throws it. */
  broken: Error | null
  rules: { enabled: boolean; token_file: string | null }
  /** Commands that were run. */
  readonly commandsRun: UnitCommand[]
  commands: UnitCommands
  readonly logged: string[]
  readonly views: Views
}

export function gateway(events: Event[] = [crash(1), lost(2), crash(3, 'devmgmt.service')]): FakeGateway {
  const units = ['mosquitto.service', 'devmgmt.service', 'dev-disk-by\\x2dlabel-data.mount'].map(newUnit)
  const it: FakeGateway = {
    state: { ...withUnits(newState(STREAM), units), seq: events.at(-1)?.seq ?? 0 },
    events,
    checks: [checkOf('bus'), checkOf('units')],
    cleared: [],
    imported: null,
    broken: null,
    rules: { enabled: false, token_file: null },
    commandsRun: [],
    commands: {
      refusal: (unit) => (it.state.index.has(unit) ? null : `${unit} may not be controlled`),
      async run(command) {
        if (command.action === 'reload') throw new ControlError('refused', 'it has no ExecReload=')
        it.commandsRun.push(command)
        return { outcome: command.noWait ? 'queued' : 'done', cause: null }
      },
    },
    logged: [],
    views: {
      live: () => it.state,
      identity: () => IDENTITY,
      history: () => it.events,
      checks: () => it.checks,
      metrics: async (accept) => ({
        type: 'text/plain; version=0.0.4',
        body: Buffer.from(`# ${accept}\n${'up 1\n'.repeat(400)}`),
      }),
      federate: async (matches) =>
        matches.includes('{')
          ? { problem: 'not a selector' }
          : { type: 'text/plain', body: `# ${matches.join(' ')}\n` },
      control: {
        commands: { refusal: (unit) => it.commands.refusal(unit), run: (command) => it.commands.run(command) },
        rules: () => it.rules,
      },
      status() {
        if (it.broken !== null) throw it.broken
        return { version: '0.1.0', bus: { connected: true } }
      },
      async system() {
        return { state: 'running', failed_units: 0 }
      },
      async clear(options) {
        if (options.logFile === '/etc/passwd') return '/etc/passwd is neither the log_file nor the events_file'
        it.cleared.push(options)
        return null
      },
      async import(baselines) {
        it.imported = baselines
      },
    },
  }
  return it
}

/** Appends the events to the history and sends them to the sink. */
export function emit(it: FakeGateway, http: Http, ...events: Event[]): void {
  const before = it.state
  it.events = [...it.events, ...events]
  it.state = { ...before, seq: events.at(-1)?.seq ?? before.seq }
  const step: Step = { before, after: it.state, events, at: { monoMs: 0, wallMs: 0 } }
  http.accept(step)
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-http-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

type HttpOptions = Parameters<typeof createHttp>[0]
type ServeOptions = Partial<Pick<HttpOptions, 'hostname' | 'allowedHosts' | 'peerOf' | 'optimized'>>

export function httpOf(
  it: FakeGateway,
  clock: Clock = frozenClock,
  { allowedHosts = () => [], ...more }: ServeOptions = {},
): Http {
  const log = (level: string, message: string) => void it.logged.push(`${level} ${message}`)
  const { identity, history } = it.views
  const http = createHttp({ identity, history, clock, log, hostname: () => 'gw-7', allowedHosts, ...more })
  http.serve(it.views)
  onTestFinished(() => http.stop())
  return http
}

/** Serves one gateway over TCP and over a unix socket. */
export async function serve(it: FakeGateway, clock?: Clock, options?: ServeOptions) {
  const http = httpOf(it, clock, options)
  const tcp = await http.serveTcp('127.0.0.1', 0)
  const socket = await http.serveSocket(join(temporaryDirectory(), 'gatewatch.sock'))
  return { http, tcp, socket }
}

export interface HttpReply {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly bytes: Buffer
}

interface RequestInput {
  /** The client's address, by default 127.0.0.1. */
  readonly from?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** One request on a connection of its own. */
export function ask(
  at: HttpListener,
  path: string,
  { from = '127.0.0.1', method = 'GET', headers = {}, body }: RequestInput = {},
): Promise<HttpReply> {
  const where = at.port === null ? { socketPath: at.address } : { host: '127.0.0.1', port: at.port, localAddress: from }
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...where, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks as unknown as Uint8Array[])
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes.toString(), bytes })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Sends the bytes unchanged, and returns everything received until the server closes the connection. */
export function raw(at: HttpListener, bytes: string | Buffer): Promise<string> {
  const socket = at.port === null ? connect(at.address) : connect(at.port, '127.0.0.1')
  return new Promise((resolve, reject) => {
    let got = ''
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      got += text
    })
    socket.on('close', () => resolve(got))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
    socket.write(bytes as string)
  })
}

/** Waits until the condition is true. */
export async function until(is: () => boolean, what: string): Promise<void> {
  await untilValue(is, { what, timeoutMs: 5_000, everyMs: 5 })
}
