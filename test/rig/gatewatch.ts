// Runs the built agent for a test, asks it as its users do, and ends it.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Json } from '../../src/core/api-json.ts'
import { until } from './until.ts'

/** The script as shipped; another executable for tests of the binaries. */
export const BINARY = process.env['GATEWATCH_BINARY'] ?? join(import.meta.dirname, '../../dist/gatewatch.cjs')

export interface GatewatchOptions {
  /** The bus to watch; the agent's own choice when absent. */
  readonly busAddress?: string
  /** Where the agent itself puts socket and state file; it is not told then. */
  readonly places?: { readonly socket: string; readonly statePath: string }
  readonly services?: readonly string[]
  /** Where state, runtime directory and socket are; one of its own unless told. Survives `stop`, not `remove`. */
  readonly directory?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where the log goes, if not to stderr. */
  readonly logFile?: string
  /** A command that runs the agent: in another namespace, under a tracer. `pid` is then its own. */
  readonly within?: readonly string[]
  /** How often it is looked whether it is ready, for measurements. */
  readonly lookEveryMs?: number
  /** Node's own options, for measurements. */
  readonly nodeArgs?: readonly string[]
}

export interface Gatewatch {
  readonly pid: number
  readonly directory: string
  readonly socket: string
  readonly statePath: string
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  /** Everything said on stderr, or in the log file, so far. */
  stderr(): string
  /** A GET by TCP, its body as text. */
  get(path: string): Promise<{ status: number; body: string }>
  /** A GET over the local socket, its body as JSON. */
  ask(path: string): Promise<Json>
  /** Value of one series of /metrics, written as there; undefined where it is absent. */
  metric(series: string): Promise<number | undefined>
  /** All events the agent still has. */
  events(): Promise<Json[]>
  /** Sends a signal and resolves with the exit code, or 128 + the signal that ended it. */
  end(signal?: NodeJS.Signals): Promise<number>
}

/** What a person types: `gatewatch ARGS`. */
export function gatewatch(...args: string[]) {
  const ended = spawnSync(process.execPath, [BINARY, ...args], { encoding: 'utf8', timeout: 30_000 })
  return { code: ended.status, stdout: ended.stdout, stderr: ended.stderr }
}

/** Starts the agent on a free port; resolves when it has connected to the bus, or, with `ready` false, when it answers. */
export async function startGatewatch(options: GatewatchOptions, ready = true): Promise<Gatewatch> {
  const directory = options.directory ?? temporaryDirectory()
  const { socket, statePath } = options.places ?? {
    socket: join(directory, 'gw.sock'),
    statePath: join(directory, 'state.ring'),
  }
  const script = BINARY.endsWith('.cjs')
  const words = [
    ...(options.within ?? []),
    ...(script ? [process.execPath, ...(options.nodeArgs ?? []), BINARY] : [BINARY]),
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
    env: { ...process.env, RUNTIME_DIRECTORY: join(directory, 'run'), ...options.env },
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const ended = exitOf(child)
  const look = options.lookEveryMs === undefined ? {} : { everyMs: options.lookEveryMs }
  const log = () => said + (options.logFile && existsSync(options.logFile) ? readFileSync(options.logFile, 'utf8') : '')
  const over = () => child.exitCode ?? child.signalCode
  const address = await until(() => /metrics at https?:\/\/(\S+)\/metrics/.exec(log())?.[1], {
    what: 'the agent to listen',
    timeoutMs: 60_000,
    is: (found) => found !== undefined || over() !== null,
  }).catch(() => undefined)
  if (address === undefined) {
    child.kill('SIGKILL')
    throw new Error(`gatewatch does not listen (${over() ?? 'after 60 s'}): ${said}`)
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
      const response = await fetch(url + path)
      return { status: response.status, body: await response.text() }
    },
    ask: (path) => askSocket(socket, path),
    async metric(series) {
      const { body } = await agent.get('/metrics')
      const line = body.split('\n').find((l) => l.startsWith(`${series} `))
      return line === undefined ? undefined : Number(line.slice(series.length + 1))
    },
    events: async () => (await agent.ask('/api/v1/events?limit=1000'))['events'] as Json[],
    end(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
  if (ready) {
    await until(() => agent.get('/-/ready'), { what: 'the agent to be ready', ...look, is: (r) => r.status === 200 })
  }
  return agent
}

/** A directory for an agent's files; short, as a socket's path has 108 bytes. */
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

/** A GET over the agent's local socket, its body as JSON. */
export function askSocket(socketPath: string, path: string): Promise<Json> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path }, (response) => {
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
    asked.on('error', reject)
    asked.end()
  })
}
