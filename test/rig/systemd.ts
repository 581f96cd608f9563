// Starts a real systemd (PID 1 in its own namespaces) with a real bus for a test, and removes every trace of it.
import { type ExecFileException, execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

const SCRIPT = fileURLToPath(new URL('systemd-rig.sh', import.meta.url))
const START_TIMEOUT_MS = 30_000
const COMMAND_TIMEOUT_MS = 30_000
const SHUTDOWN_TIMEOUT_MS = 60_000

export interface Output {
  /** The exit code; as in a shell, 128 + the number of the signal that ended it; 124 if it timed out. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface SystemdOptions {
  /** `unified` lacks the memory controller, `hybrid` lacks cgroup.kill; the default depends on the host. */
  readonly cgroup?: 'auto' | 'unified' | 'hybrid'
  /** Further host directories to bind read-write at the same path inside; `FROM:TO` binds at TO, which must exist. */
  readonly bind?: readonly string[]
  /** A directory whose content is copied to /etc/systemd/system before systemd starts. */
  readonly seed?: string
  /** Include polkit.service. */
  readonly polkit?: boolean
  /** The rig is stopped when this process ends; the current process by default. */
  readonly ownerPid?: number
}

export interface Systemd extends AsyncDisposable {
  readonly name: string
  /** Address of the rig's system bus from outside. */
  readonly busAddress: string
  /** systemd's private socket, without a bus daemon: it has neither Hello nor match rules. */
  readonly privateAddress: string
  /** Directory for unit files: /etc/systemd/system inside. */
  readonly unitDir: string
  /** /run inside. */
  readonly runDir: string
  /** A directory with the same path inside and outside. */
  readonly shareDir: string
  /** The host's pid of the rig's PID 1. */
  readonly pid: number
  readonly cgroup: 'unified' | 'hybrid'
  /** Runs a command inside as root; does not reject when it fails. */
  exec(...command: string[]): Promise<Output>
  /** Runs `systemctl ARGS` inside; does not reject when it fails. */
  systemctl(...args: string[]): Promise<Output>
  /** Runs `busctl --address=BUS ARGS` outside: a client of the bus, as the agent is. */
  busctl(...args: string[]): Promise<Output>
  /** Writes a unit file, or a drop-in (`x.service.d/a.conf`); takes effect with `daemonReload`. */
  writeUnit(name: string, text: string): void
  /** These reject with systemctl's stderr when it fails; `stop` without a unit ends the rig. */
  daemonReload(): Promise<void>
  start(unit: string): Promise<void>
  restart(unit: string): Promise<void>
  stop(unit?: string): Promise<void>
  /** Shuts the system down with systemctl, and resolves when its PID 1 has ended and every trace is removed. */
  powerOff(): Promise<void>
  /** Resolves when a shutdown in progress is over: its PID 1 has ended, and every trace is removed. */
  ended(): Promise<void>
  /** Sends a signal to all processes of the unit, or `whom` (`main`, `control`). */
  kill(unit: string, signal?: string, whom?: 'all' | 'main' | 'control'): Promise<void>
  /** The given properties of a unit as text, or all of them. */
  show(unit: string, ...properties: string[]): Promise<Record<string, string>>
}

let started = 0

/** Starts a systemd in 0.3 to 1 s. Several can run at the same time; each ends with this process. */
export async function startSystemd(options: SystemdOptions = {}): Promise<Systemd> {
  started += 1
  const name = `t${process.pid.toString(36)}-${started.toString(36)}`
  const env = {
    ...process.env,
    RIG_OWNER: String(options.ownerPid ?? process.pid),
    RIG_CGROUP: options.cgroup ?? 'auto',
    RIG_BIND: (options.bind ?? []).join(' '),
    RIG_SEED: options.seed ?? '',
    RIG_POLKIT: options.polkit ? '1' : '',
  }
  const facts = parse(await runOrThrow('start systemd', SCRIPT, ['start', name], env, START_TIMEOUT_MS))
  const fact = (key: string): string => {
    const value = facts[key]
    if (value === undefined) throw new Error(`systemd-rig.sh did not print ${key}`)
    return value
  }

  const unitDir = fact('RIG_UNIT_DIR')
  const pid = Number(fact('RIG_PID'))
  const busAddress = fact('RIG_BUS_ADDRESS')
  const exec = (...command: string[]) => run(SCRIPT, ['exec', name, ...command], process.env, COMMAND_TIMEOUT_MS)
  const systemctl = (...args: string[]) => exec('systemctl', ...args)
  const control = async (...args: string[]) => {
    const { code, stderr } = await systemctl(...args)
    if (code !== 0) throw new Error(`systemctl ${args.join(' ')}: exit code ${code}: ${stderr.trim()}`)
  }
  const end = async () => {
    await runOrThrow('stop systemd', SCRIPT, ['stop', name], process.env, COMMAND_TIMEOUT_MS)
  }
  const ended = async () => {
    await until(() => !existsSync(`/proc/${pid}`), { what: 'the shutdown', timeoutMs: SHUTDOWN_TIMEOUT_MS })
    await end()
  }

  return {
    name,
    busAddress,
    privateAddress: fact('RIG_PRIVATE_ADDRESS'),
    unitDir,
    runDir: fact('RIG_RUN_DIR'),
    shareDir: fact('RIG_SHARE_DIR'),
    pid,
    cgroup: fact('RIG_CGROUP') === 'unified' ? 'unified' : 'hybrid',
    exec,
    systemctl,
    busctl: (...args) => run('busctl', [`--address=${busAddress}`, ...args], process.env, COMMAND_TIMEOUT_MS),
    writeUnit(unit, text) {
      const path = join(unitDir, unit)
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, text)
    },
    daemonReload: () => control('daemon-reload'),
    start: (unit) => control('start', unit),
    restart: (unit) => control('restart', unit),
    stop: (unit) => (unit === undefined ? end() : control('stop', unit)),
    async powerOff() {
      await systemctl('poweroff') // fails to reach logind, which the rig does not have
      await ended()
    },
    ended,
    kill: (unit, signal = 'SIGKILL', whom = 'all') => control('kill', `--signal=${signal}`, `--kill-who=${whom}`, unit),
    async show(unit, ...properties) {
      const wanted = properties.length > 0 ? [`--property=${properties.join(',')}`] : []
      const { code, stdout, stderr } = await systemctl('show', ...wanted, unit)
      if (code !== 0) throw new Error(`systemctl show ${unit}: exit code ${code}: ${stderr.trim()}`)
      return parse(stdout)
    },
    [Symbol.asyncDispose]: end,
  }
}

function parse(lines: string): Record<string, string> {
  const values: Record<string, string> = {}
  for (const line of lines.split('\n')) {
    const at = line.indexOf('=')
    if (at > 0) values[line.slice(0, at)] = line.slice(at + 1)
  }
  return values
}

async function runOrThrow(
  what: string,
  file: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  ms: number,
): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, env, ms)
  if (code !== 0) throw new Error(`${what}: exit code ${code}: ${stderr.trim()}`)
  return stdout
}

function run(file: string, args: string[], env: NodeJS.ProcessEnv, timeoutMs: number): Promise<Output> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20 } as const
    execFile(file, args, options, (error: ExecFileException | null, stdout, stderr) => {
      if (error && typeof error.code === 'string') reject(new Error(`cannot run ${file}`, { cause: error }))
      else resolve({ code: exitCode(error), stdout, stderr })
    })
  })
}

function exitCode(error: ExecFileException | null): number {
  if (!error) return 0
  if (typeof error.code === 'number') return error.code
  return error.killed ? 124 : 128
}
