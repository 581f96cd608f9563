// Starts a real systemd (PID 1 of its own namespaces) with a real bus for a test, and leaves nothing behind.
import { type ExecFileException, execFile } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './until.ts'

const SCRIPT = fileURLToPath(new URL('systemd-rig.sh', import.meta.url))
const START_AT_MOST_MS = 30_000
const COMMAND_AT_MOST_MS = 30_000
const SHUTDOWN_AT_MOST_MS = 60_000

export interface Output {
  /** Exit code; 128 + signal number, as in a shell, where a signal ended it; 124 when it took too long. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface SystemdOptions {
  /** `unified` has no memory controller, `hybrid` no kill by cgroup; the default is what the host has. */
  readonly cgroup?: 'auto' | 'unified' | 'hybrid'
  /** Further host directories to see read-write inside, under the same path; `FROM:TO` is seen at TO, which must exist. */
  readonly bind?: readonly string[]
  /** Unit files and links that are in /etc/systemd/system before systemd starts: a directory with that content. */
  readonly seed?: string
  /** Include polkit.service. */
  readonly polkit?: boolean
  /** The process whose end ends the rig; this one unless told. */
  readonly ownerPid?: number
}

export interface Systemd extends AsyncDisposable {
  readonly name: string
  /** The system bus (org.freedesktop.systemd1 and all), from outside. */
  readonly busAddress: string
  /** systemd's private socket, without a bus daemon: there is no Hello and no match rule. */
  readonly privateAddress: string
  /** Where unit files are written: /etc/systemd/system inside. */
  readonly unitDir: string
  /** /run inside. */
  readonly runDir: string
  /** A directory at the same path inside and outside. */
  readonly shareDir: string
  /** The rig's PID 1, as seen from outside. */
  readonly pid: number
  readonly cgroup: 'unified' | 'hybrid'
  /** Runs a command inside, as root; never rejects for its exit code. */
  exec(...command: string[]): Promise<Output>
  /** `systemctl ARGS` inside; never rejects for its exit code. */
  systemctl(...args: string[]): Promise<Output>
  /** `busctl --address=BUS ARGS` outside: a client of the bus as our program is one. */
  busctl(...args: string[]): Promise<Output>
  /** Writes a unit file, or a drop-in (`x.service.d/a.conf`); takes effect with `daemonReload`. */
  writeUnit(name: string, text: string): void
  /** These reject with what systemctl said when it failed; `stop` without a unit ends the rig. */
  daemonReload(): Promise<void>
  start(unit: string): Promise<void>
  restart(unit: string): Promise<void>
  stop(unit?: string): Promise<void>
  /** Shuts the system down as an operator does, and resolves when its PID 1 has ended and every trace is removed. */
  powerOff(): Promise<void>
  /** Sends a signal to all processes of the unit, or `whom` (`main`, `control`). */
  kill(unit: string, signal?: string, whom?: 'all' | 'main' | 'control'): Promise<void>
  /** Properties of a unit as text; all of them when none is named. */
  show(unit: string, ...properties: string[]): Promise<Record<string, string>>
}

let started = 0

/** A running systemd, in 0.3 to 1 s. Several may run at once; each goes when this process goes. */
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
  const facts = parse(await must('start systemd', SCRIPT, ['start', name], env, START_AT_MOST_MS))
  const fact = (key: string): string => {
    const value = facts[key]
    if (value === undefined) throw new Error(`systemd-rig.sh told no ${key}`)
    return value
  }

  const unitDir = fact('RIG_UNIT_DIR')
  const pid = Number(fact('RIG_PID'))
  const busAddress = fact('RIG_BUS_ADDRESS')
  const exec = (...command: string[]) => run(SCRIPT, ['exec', name, ...command], process.env, COMMAND_AT_MOST_MS)
  const systemctl = (...args: string[]) => exec('systemctl', ...args)
  const control = async (...args: string[]) => {
    const { code, stderr } = await systemctl(...args)
    if (code !== 0) throw new Error(`systemctl ${args.join(' ')}: exit code ${code}: ${stderr.trim()}`)
  }
  const end = async () => {
    await must('stop systemd', SCRIPT, ['stop', name], process.env, COMMAND_AT_MOST_MS)
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
    busctl: (...args) => run('busctl', [`--address=${busAddress}`, ...args], process.env, COMMAND_AT_MOST_MS),
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
      await systemctl('poweroff') // it says that there is no logind
      await until(() => !existsSync(`/proc/${pid}`), { what: 'the shutdown', timeoutMs: SHUTDOWN_AT_MOST_MS })
      await end()
    },
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

async function must(what: string, file: string, args: string[], env: NodeJS.ProcessEnv, ms: number): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, env, ms)
  if (code !== 0) throw new Error(`${what}: exit code ${code}: ${stderr.trim()}`)
  return stdout
}

function run(file: string, args: string[], env: NodeJS.ProcessEnv, timeoutMs: number): Promise<Output> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 64 << 20 } as const
    execFile(file, args, options, (error: ExecFileException | null, stdout, stderr) => {
      if (error && typeof error.code === 'string') reject(new Error(`run ${file}`, { cause: error }))
      else resolve({ code: exitCode(error), stdout, stderr })
    })
  })
}

function exitCode(error: ExecFileException | null): number {
  if (!error) return 0
  if (typeof error.code === 'number') return error.code
  return error.killed ? 124 : 128
}
