// Runs the built agent for a test, queries it as users do, and stops it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json } from '../../src/core/views/api-json.ts'
import { SHARED_MS } from '../../src/metrics/shared-scrape.ts'
import { until } from './until.ts'

/** The bundled script; another executable for tests of the standalone binaries. */
export const BINARY = process.env['GATEWATCH_BINARY'] ?? join(import.meta.dirname, '../../dist/gatewatch.cjs')

export interface GatewatchOptions {
  /** The bus to watch; if absent, the agent's default. */
  readonly busAddress?: string
  /** The agent's default paths for socket and state file; if given, they are not set on its command line. */
  readonly places?: { readonly socket: string; readonly statePath: string }
  readonly services?: readonly string[]
  /** For state file, runtime directory and socket; a temporary one by default. The caller removes it. */
  readonly directory?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** The log file, if the agent does not log to stderr. */
  readonly logFile?: string
  /** A command in front of the agent: to enter a namespace, or a tracer. `pid` is then that of the command. */
  readonly commandPrefix?: readonly string[]
  /** How often readiness is polled, for measurements. */
  readonly pollReadyEveryMs?: number
  /** Options for Node, for measurements. */
  readonly nodeArgs?: readonly string[]
  /** Another executable or bundle than `BINARY`, for measurements. */
  readonly binary?: string
}

export interface Gatewatch {
  readonly pid: number
  readonly directory: string
  readonly socket: string
  readonly statePath: string
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Everything written to stderr or to the log file so far. */
  stderr(): string
  /** A GET over TCP; the body as text. A scrape is not one that another client requested earlier. */
  get(path: string): Promise<{ status: number; body: string }>
  /** A GET over the local socket; the body as JSON. */
  getJson(path: string): Promise<Json>
  /** Value of one series, written as in /metrics; undefined if it is absent. */
  metric(series: string): Promise<number | undefined>
  /** All events that the agent still has. */
  events(): Promise<Json[]>
  /** Sends a signal and resolves with the exit code, or with 128 + the signal that ended the agent. */
  end(signal?: NodeJS.Signals): Promise<number>
}

/** Runs `gatewatch ARGS` as a user does. */
export function gatewatch(...args: string[]) {
  const ended = spawnSync(process.execPath, [BINARY, ...args], { encoding: 'utf8', timeout: 30_000 })
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr }
}

/** Starts the agent on a free port; resolves when it is ready, or, with `ready` false, when it listens. */
export async function startGatewatch(options: GatewatchOptions, ready = true): Promise<Gatewatch> {
  const directory = options.directory ?? temporaryDirectory()
  const { socket, statePath } = options.places ?? {
    socket: join(directory, 'gw.sock'),
    statePath: join(directory, 'state.ring'),
  }
  const { binary = BINARY } = options
  const script = binary.endsWith('.cjs')
  const words = [
    ...(options.commandPrefix ?? []),
    ...(script ? [process.execPath, ...(options.nodeArgs ?? []), binary] : [binary]),
    ...['--listen', '127.0.0.1', '--prometheus-port', '0'],
    ...(options.busAddress ? ['--bus', options.busAddress] : []),
    ...(options.places ? [] : ['--socket', socket]),
    ...(options.places || options.args?.some((arg) => arg === '-p') ? [] : ['-p', statePath]),
    ...(options.services ? ['--services', ...options.services] : []),
    ...(options.args ?? []),
  ]
  const [program = '', ...rest] = words
  const child = spawn(program, rest, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, RUNTIME_DIRECTORY: join(directory, 'run'), STATE_DIRECTORY: directory, ...options.env },
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const exited = exitOf(child)
  const polling = options.pollReadyEveryMs === undefined ? {} : { everyMs: options.pollReadyEveryMs }
  const log = () =>
    stderr + (options.logFile && existsSync(options.logFile) ? readFileSync(options.logFile, 'utf8') : '')
  const exitReason = () => child.exitCode ?? child.signalCode
  const address = await until(() => /metrics at https?:\/\/(\S+)\/metrics/.exec(log())?.[1], {
    what: 'the agent to listen',
    timeoutMs: 60_000,
    is: (match) => match !== undefined || exitReason() !== null,
  }).catch(() => undefined)
  if (address === undefined) {
    child.kill('SIGKILL')
    throw new Error(`gatewatch does not listen (${exitReason() ?? 'after 60 s'}): ${stderr}`)
  }
  const url = `http://${address}`
  const agent: Gatewatch = {
    pid: child.pid ?? 0,
    directory,
    socket,
    statePath,
    url,
    stderr: log,
    async get(path) {
      if (path === '/metrics') await new Promise((resolve) => setTimeout(resolve, SHARED_MS))
      const response = await fetch(url + path)
      return { status: response.status, body: await response.text() }
    },
    getJson: (path) => getJsonFromSocket(socket, path),
    async metric(series) {
      const { body } = await agent.get('/metrics')
      const line = body.split('\n').find((l) => l.startsWith(`${series} `))
      return line === undefined ? undefined : Number(line.slice(series.length + 1))
    },
    events: async () => (await agent.getJson('/api/v1/events?limit=1000'))['events'] as Json[],
    end(signal = 'SIGTERM') {
      child.kill(signal)
      return exited
    },
  }
  if (ready) {
    await until(() => agent.get('/-/ready'), { what: 'the agent to be ready', ...polling, is: (r) => r.status === 200 })
  }
  return agent
}

/** A directory for an agent's files, with a short path because a socket's path has at most 108 bytes. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'gw-'))
}

export function removeDirectory(directory: string): void {
  if (existsSync(directory)) rmSync(directory, { recursive: true, force: true })
}

function exitOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)))
  })
}

/** A GET over the agent's local socket; the body as JSON. */
export function getJsonFromSocket(socketPath: string, path: string): Promise<Json> {
  return new Promise((resolve, reject) => {
    const sent = request({ socketPath, path }, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text
      })
      response.on('end', () => {
        try {
          resolve(JSON.parse(body) as Json)
        } catch {
          reject(new Error(`not JSON: ${body}`))
        }
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}
