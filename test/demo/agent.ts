// The built agent as a process of its own, with everything it writes in a directory of the demo's.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AgentClient, clientOf } from '../../src/cli/agent-client.ts'
import { until } from '../rig/until.ts'
import type { Stage } from './stage.ts'

const BUILT = fileURLToPath(new URL('../../dist/gatewatch.cjs', import.meta.url))
const STOPS_WITHIN_MS = 15_000
const LOG_LINES = 15

export interface DemoAgent extends AsyncDisposable {
  readonly client: AgentClient
  readonly version: string
  readonly gatewayId: string
  readonly metricsUrl: string
  /** Rejects when the agent ends although nobody asked it to. */
  readonly failed: Promise<never>
}

interface Answer {
  readonly version: string
  readonly gateway_id: string
  readonly listening: string | null
  readonly bus: { readonly connected: boolean; readonly problem: string | null }
}

/** Resolves when it serves and has the bus. Disposing stops it, and throws unless it ends with exit code 0. */
export async function startAgent(stage: Stage, directory: string, more: readonly string[]): Promise<DemoAgent> {
  if (!existsSync(BUILT)) throw new Error("dist/gatewatch.cjs is not built: 'npm run build' does it")
  const socket = join(directory, 'agent.sock')
  // What this machine's own agent is configured to do, at its broker for one, is not for the demo.
  const config = join(directory, 'config.json')
  writeFileSync(config, '{}\n')
  const args = [
    ...['run', '--config', config, '--persistence-file', join(directory, 'state.ring'), '--socket', socket],
    ...['--listen', '127.0.0.1', '--prometheus-port', '0', '--gateway-id', 'demo', ...more],
    ...(stage.bus === null ? [] : ['--bus', stage.bus]),
    ...(stage.units === null ? [] : ['--services', ...stage.units]),
  ]
  const [program = '', ...words] = [...leash(), process.execPath, BUILT, ...args]
  // A session of its own: a Ctrl-C at the terminal is for the demo, which then stops the agent.
  const child = spawn(program, words, {
    env: surroundings(directory),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const log = tailOf(child)
  let asked = false
  let over = false
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  }).finally(() => {
    over = true
  })
  const failed = ended.then((how): never => {
    throw new Error(asked ? 'the agent is stopped' : `the agent ended by itself (${how}):\n${log()}`)
  })
  failed.catch(() => {})
  const stop = async () => {
    if (over) return // that it ended too early is told by `failed`
    asked = true
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS)
    const how = await ended
    clearTimeout(late)
    if (how !== 0) throw new Error(`the agent did not end well (${how}):\n${log()}`)
  }

  const client = clientOf(socket)
  const isReady = (answer: Answer | null) => answer === null || (answer.bus.connected && answer.listening !== null)
  const wait = { what: 'the agent to serve and to have the bus', is: isReady, timeoutMs: 20_000 }
  try {
    const answer = await until(async () => (over ? null : ((await client.get('/api/v1/status')) as Answer)), wait)
    if (answer === null) return await failed
    const metricsUrl = `http://${answer.listening}/metrics`
    const { version, gateway_id: gatewayId } = answer
    return { client, version, gatewayId, metricsUrl, failed, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop().catch(() => {})
    throw error
  }
}

/** Only what has to do with the demo: no configuration by environment, no service manager to talk to. */
function surroundings(directory: string): NodeJS.ProcessEnv {
  const { PATH, TZ, TMPDIR, DBUS_SYSTEM_BUS_ADDRESS } = process.env
  return { PATH, TZ, TMPDIR, DBUS_SYSTEM_BUS_ADDRESS, RUNTIME_DIRECTORY: directory }
}

/** Lets the agent end even when the demo is killed with SIGKILL, where util-linux is at hand. */
function leash(): string[] {
  const words = ['setpriv', '--pdeathsig', 'TERM']
  return spawnSync('setpriv', [...words.slice(1), 'true'], { stdio: 'ignore' }).status === 0 ? words : []
}

/** The last lines that the agent logged. */
function tailOf(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).split('\n').slice(-LOG_LINES).join('\n')
  })
  return () => text.trim()
}
