// Starts a real, plain dbus-daemon at a socket of its own, for contract tests of what speaks D-Bus.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Bus extends AsyncDisposable {
  readonly address: string
  readonly socketPath: string
  readonly pid: number
  /** Ends the daemon: every client is cut off at once. Its address stays free for `startDbus({ directory })`. */
  stop(): Promise<void>
}

export interface DbusOptions {
  /** Where the socket is made; kept by the caller. A temporary one of the bus' own unless told. */
  readonly directory?: string
  /** Further elements of the configuration, as `<limit name="max_incoming_bytes">1000</limit>`. */
  readonly config?: string
}

/** A running bus that lets everyone do everything; it dies with this process, also of SIGKILL. */
export async function startDbus(options: DbusOptions = {}): Promise<Bus> {
  const directory = options.directory ?? ownDirectory()
  const socketPath = join(directory, 'bus')
  const address = `unix:path=${socketPath}`
  const configPath = join(directory, 'bus.conf')
  rmSync(socketPath, { force: true })
  writeFileSync(
    configPath,
    `<busconfig><type>system</type><listen>${address}</listen><auth>EXTERNAL</auth>
  <policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
  <allow send_requested_reply="true"/><allow receive_requested_reply="true"/><allow eavesdrop="true"/></policy>
  ${options.config ?? ''}</busconfig>`,
  )

  const args = [
    '--pdeathsig',
    'KILL',
    '--',
    'dbus-daemon',
    `--config-file=${configPath}`,
    '--nofork',
    '--print-address',
  ]
  const daemon = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => daemon.once('close', () => resolve()))
  const cleanUp = () =>
    rmSync(options.directory === undefined ? directory : socketPath, { recursive: true, force: true })

  let said = ''
  daemon.stderr.on('data', (chunk) => {
    said += chunk
  })
  await new Promise<void>((resolve, reject) => {
    daemon.stdout.once('data', () => resolve()) // it prints its address once it listens
    daemon.once('error', (cause) => reject(new Error('start dbus-daemon', { cause })))
    daemon.once('close', (code) => reject(new Error(`dbus-daemon ended with ${code}: ${said.trim()}`)))
  }).catch((error) => {
    cleanUp()
    throw error
  })

  const stop = async () => {
    daemon.kill('SIGKILL')
    await ended
    cleanUp()
  }
  return { address, socketPath, pid: daemon.pid ?? 0, stop, [Symbol.asyncDispose]: stop }
}

/** A directory that names this process; those of processes that were killed are swept up on the way. */
function ownDirectory(): string {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^gw-bus-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
  return mkdtempSync(join(tmpdir(), `gw-bus-${process.pid}-`))
}
