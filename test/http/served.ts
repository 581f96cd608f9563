// A gateway that HTTP can show: literal units and events behind real listeners, and clients for it.
import { mkdtempSync, rmSync } from 'node:fs'
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { ControlError, type UnitCommand } from '../../src/core/command.ts'
import type { CrashEvent, Event } from '../../src/core/event.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { type Counters, newUnit } from '../../src/core/unit.ts'
import { createHttp, type Http, type Served } from '../../src/http/http.ts'
import type { Views } from '../../src/http/route.ts'
import type { Clock, Step, UnitCommands } from '../../src/ports.ts'

export const STREAM = '0011223344556677'
export const IDENTITY = { gatewayId: 'gw-7', machineId: '5d1a9f0c7e3b4a2d8c6f1e0b9a7d5c3e', stream: STREAM }
const COUNTERS: Counters = { starts: 2, stops: 0, crashes: 1, restarts: 1, lost: 0 }

export const realClock: Clock = {
  now: () => ({ monoMs: 0, wallMs: 0 }),
  after(ms, call) {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

/** A clock whose timers run when the test says so. */
export function handClock() {
  let nowMs = 0
  const timers = new Set<{ readonly atMs: number; readonly call: () => void }>()
  return {
    now: () => ({ monoMs: nowMs, wallMs: nowMs }),
    after(ms: number, call: () => void) {
      const timer = { atMs: nowMs + ms, call }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    pass(ms: number) {
      nowMs += ms
      for (const timer of [...timers].filter((t) => t.atMs <= nowMs)) {
        timers.delete(timer)
        timer.call()
      }
    },
    pending: () => timers.size,
  }
}

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

export interface Gateway {
  state: State
  events: Event[]
  notReady: string[]
  cleared: number
  imported: ReadonlyMap<string, Counters> | null
  /** Set: `status` throws it. */
  broken: Error | null
  rules: { enabled: boolean; token_file: string | null }
  /** What was obeyed. */
  readonly orders: UnitCommand[]
  commands: UnitCommands
  readonly logged: string[]
  readonly views: Views
}

export function gateway(events: Event[] = [crash(1), lost(2), crash(3, 'devmgmt.service')]): Gateway {
  const units = ['mosquitto.service', 'devmgmt.service', 'dev-disk-by\\x2dlabel-data.mount'].map(newUnit)
  const it: Gateway = {
    state: { ...withUnits(newState(STREAM), units), seq: events.at(-1)?.seq ?? 0 },
    events,
    notReady: [],
    cleared: 0,
    imported: null,
    broken: null,
    rules: { enabled: false, token_file: null },
    orders: [],
    commands: {
      refusal: (unit) => (it.state.index.has(unit) ? null : `${unit} may not be controlled`),
      async run(order) {
        if (order.action === 'reload') throw new ControlError('refused', 'it has no ExecReload=')
        it.orders.push(order)
        return { outcome: order.noWait ? 'queued' : 'done', cause: null }
      },
    },
    logged: [],
    views: {
      live: () => it.state,
      identity: () => IDENTITY,
      history: () => it.events,
      notReady: () => it.notReady,
      metrics: async (accept) => ({ type: 'text/plain; version=0.0.4', body: `# ${accept}\n${'up 1\n'.repeat(400)}` }),
      federate: async (matches) =>
        matches.includes('{')
          ? { problem: 'not a selector' }
          : { type: 'text/plain', body: `# ${matches.join(' ')}\n` },
      control: {
        commands: { refusal: (unit) => it.commands.refusal(unit), run: (order) => it.commands.run(order) },
        rules: () => it.rules,
      },
      status() {
        if (it.broken !== null) throw it.broken
        return { version: '0.1.0', bus: { connected: true } }
      },
      async system() {
        return { state: 'running', failed_units: 0 }
      },
      async clear() {
        it.cleared += 1
      },
      async import(baselines) {
        it.imported = baselines
      },
    },
  }
  return it
}

/** The step that tells these events, which are then history. */
export function tell(it: Gateway, http: Http, ...events: Event[]): void {
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

export function httpOf(it: Gateway, clock: Clock = realClock, allowedHosts: readonly string[] = []): Http {
  const log = (level: string, message: string) => void it.logged.push(`${level} ${message}`)
  const http = createHttp({ views: it.views, clock, log, hostname: 'gw-7', allowedHosts })
  onTestFinished(() => http.stop())
  return http
}

/** Both sides of one gateway. */
export async function serve(it: Gateway, clock?: Clock, allowedHosts?: readonly string[]) {
  const http = httpOf(it, clock, allowedHosts)
  const tcp = await http.serveTcp('127.0.0.1', 0)
  const socket = await http.serveSocket(join(temporaryDirectory(), 'gatewatch.sock'))
  return { http, tcp, socket }
}

export interface Got {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly bytes: Buffer
}

interface Wish {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** One request on a connection of its own. */
export function ask(at: Served, path: string, { method = 'GET', headers = {}, body }: Wish = {}): Promise<Got> {
  const where = at.port === null ? { socketPath: at.address } : { host: '127.0.0.1', port: at.port }
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

/** Sends bytes as they are, and gives all that comes back until the other side closes. */
export function raw(at: Served, bytes: string | Buffer): Promise<string> {
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

/** Waits until `is` holds. */
export async function until(is: () => boolean, what: string, withinMs = 5_000): Promise<void> {
  const endAt = Date.now() + withinMs
  while (!is()) {
    if (Date.now() > endAt) throw new Error(`waited ${withinMs} ms for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
