// Starts a dbus-daemon on its own socket, for tests of the D-Bus code against the real daemon.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Bus extends AsyncDisposable {
  readonly address: string
  readonly socketPath: string
  readonly pid: number
  /** Kills the daemon, which disconnects every client. `startDbus({ directory })` can use the address again. */
  stop(): Promise<void>
}

export interface DbusOptions {
  /** The directory for the socket, which the caller removes; a temporary one by default. */
  readonly directory?: string
  /** Further elements of the configuration, such as `<limit name="max_incoming_bytes">1000</limit>`. */
  readonly config?: string
}

/** Starts a bus without access restrictions. It ends with this process, even if that is killed with SIGKILL. */
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
  const exited = new Promise<void>((resolve) => daemon.once('close', () => resolve()))
  const cleanUp = () =>
    rmSync(options.directory === undefined ? directory : socketPath, { recursive: true, force: true })

  let stderr = ''
  daemon.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  await new Promise<void>((resolve, reject) => {
    daemon.stdout.once('data', () => resolve()) // it prints its address when it listens
    daemon.once('error', (cause) => reject(new Error('cannot start dbus-daemon', { cause })))
    daemon.once('close', (code) => reject(new Error(`dbus-daemon exited with ${code}: ${stderr.trim()}`)))
  }).catch((error) => {
    cleanUp()
    throw error
  })

  const stop = async () => {
    daemon.kill('SIGKILL')
    await exited
    cleanUp()
  }
  return { address, socketPath, pid: daemon.pid ?? 0, stop, [Symbol.asyncDispose]: stop }
}

/** A temporary directory named after this process. Also removes directories left behind by killed processes. */
function ownDirectory(): string {
  for (const name of readdirSync(tmpdir())) {
    const [, pid] = /^gw-bus-(\d+)-/.exec(name) ?? []
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(tmpdir(), name), { recursive: true, force: true })
  }
  return mkdtempSync(join(tmpdir(), `gw-bus-${process.pid}-`))
}
