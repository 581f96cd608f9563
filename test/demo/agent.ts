// Runs the built agent for the demo, in a process of its own whose files are all in the demo's temporary directory.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AgentClient, clientOf } from '../../src/cli/agent-client.ts'
import { until } from '../rig/until.ts'
import type { DemoEnvironment } from './environment.ts'

const BUILT = fileURLToPath(new URL('../../dist/gatewatch.cjs', import.meta.url))
const STOP_TIMEOUT_MS = 15_000
const LOG_LINES = 15

export interface DemoAgent extends AsyncDisposable {
  readonly client: AgentClient
  readonly version: string
  readonly gatewayId: string
  readonly metricsUrl: string
  /** Rejects when the agent exits without being stopped. */
  readonly failed: Promise<never>
}

interface AgentStatus {
  readonly version: string
  readonly gateway_id: string
  readonly listening: string | null
  readonly bus: { readonly connected: boolean; readonly problem: string | null }
}

/** Resolves when the agent serves HTTP and is connected to the bus. Disposing stops it, and throws unless it exits with code 0. */
export async function startAgent(
  environment: DemoEnvironment,
  directory: string,
  moreArgs: readonly string[],
): Promise<DemoAgent> {
  if (!existsSync(BUILT)) throw new Error("dist/gatewatch.cjs does not exist; run 'npm run build'")
  const socket = join(directory, 'agent.sock')
  // An empty file of its own, or the demo would use this machine's configuration, and with it a real broker.
  const config = join(directory, 'config.json')
  writeFileSync(config, '{}\n')
  const args = [
    ...['run', '--no-import', '--config', config, '-p', join(directory, 'state.ring'), '--socket', socket],
    ...['--listen', '127.0.0.1', '--prometheus-port', '0', '--gateway-id', 'demo', ...moreArgs],
    ...(environment.busAddress === null ? [] : ['--bus', environment.busAddress]),
    ...(environment.units === null ? [] : ['--services', ...environment.units]),
  ]
  const [program = '', ...words] = [...endsWithParent(), process.execPath, BUILT, ...args]
  // Detached into a session of its own: Ctrl-C must reach only the demo, which then stops the agent.
  const child = spawn(program, words, {
    env: demoEnv(directory),
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  })
  const log = logTailOf(child)
  let stopRequested = false
  let exited = false
  const ended = new Promise<number | string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'))
  }).finally(() => {
    exited = true
  })
  const failed = ended.then((reason): never => {
    throw new Error(stopRequested ? 'the agent was stopped' : `the agent exited unexpectedly (${reason}):\n${log()}`)
  })
  failed.catch(() => {})
  const stop = async () => {
    if (exited) return // `failed` has reported it
    stopRequested = true
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    const reason = await ended
    clearTimeout(late)
    if (reason !== 0) throw new Error(`the agent failed to shut down cleanly (${reason}):\n${log()}`)
  }

  const client = clientOf(socket)
  const isReady = (status: AgentStatus | null) => status === null || (status.bus.connected && status.listening !== null)
  const wait = { what: 'the agent to listen and to connect to the bus', is: isReady, timeoutMs: 20_000 }
  try {
    const status = await until(
      async () => (exited ? null : ((await client.get('/api/v1/status')) as AgentStatus)),
      wait,
    )
    if (status === null) return await failed
    const metricsUrl = `http://${status.listening}/metrics`
    const { version, gateway_id: gatewayId } = status
    return { client, version, gatewayId, metricsUrl, failed, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop().catch(() => {})
    throw error
  }
}

/** Without the user's GATEWATCH_ variables and without the variables of a service manager. */
function demoEnv(directory: string): NodeJS.ProcessEnv {
  const { PATH, TZ, TMPDIR, DBUS_SYSTEM_BUS_ADDRESS } = process.env
  return { PATH, TZ, TMPDIR, DBUS_SYSTEM_BUS_ADDRESS, RUNTIME_DIRECTORY: directory }
}

/** A prefix that ends the agent even when the demo is killed with SIGKILL; empty if util-linux is not installed. */
function endsWithParent(): string[] {
  const words = ['setpriv', '--pdeathsig', 'TERM']
  return spawnSync('setpriv', [...words.slice(1), 'true'], { stdio: 'ignore' }).status === 0 ? words : []
}

/** The last lines of the agent's log. */
function logTailOf(child: ChildProcess): () => string {
  let text = ''
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text = (text + piece).split('\n').slice(-LOG_LINES).join('\n')
  })
  return () => text.trim()
}
