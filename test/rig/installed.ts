// A simulated gateway with gatewatch installed: the shipped unit file, the sysusers user, and a state directory that is kept over boots.
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { copyFileSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Json } from '../../src/core/views/api-json.ts'
import { BINARY, getJsonFromSocket, removeDirectory, temporaryDirectory } from './gatewatch.ts'
import { type Systemd, type SystemdOptions, startSystemd } from './systemd.ts'
import { missingPrograms, noSystemd } from './unavailable.ts'
import { until } from './until.ts'

const SHIPPED = join(import.meta.dirname, '../../systemd')
const AGENT_START_TIMEOUT_MS = 30_000
export const UNIT_FILE = join(SHIPPED, 'gatewatch.service')
/** Where the agent is installed in the rig, where /usr is read-only. */
const OPT = '/opt'
export const COMMAND = BINARY.endsWith('.cjs') ? `${OPT}/node ${OPT}/gatewatch.cjs` : `${OPT}/gatewatch`

/** Why a gateway cannot be simulated on this machine, or null. */
export function noGateway(): string | null {
  return noSystemd() ?? missingPrograms('journalctl', 'systemd-analyze', 'systemd-notify', 'systemd-sysusers')
}

export interface InstallOptions {
  readonly services: readonly string[]
  /** Further unit files, as written by an operator; all but templates, and what is in a directory, start at boot. */
  readonly units?: Readonly<Record<string, string>>
  /** Lines for a drop-in of gatewatch.service. */
  readonly service?: string
  readonly cgroup?: SystemdOptions['cgroup']
}

export interface Installed {
  /** Contains `seed` (copied to /etc/systemd/system at each boot), `etc/machine-id`, and `lib` (/var/lib). */
  readonly directory: string
  /** The state file, which is kept from one boot to the next. */
  readonly stateFile: string
  readonly uid: number
  /** Changes the drop-in of gatewatch.service, for the next boot. */
  service(lines: string): void
  /** Starts the system and with it the agent; resolves when both have started. */
  boot(): Promise<Gateway>
  remove(): void
}

export interface Gateway {
  readonly systemd: Systemd
  readonly socket: string
  /** A GET over the agent's local socket; the body as JSON. */
  getJson(path: string): Promise<Json>
  /** A unit in the agent's API. */
  unit(name: string): Promise<Json>
  events(): Promise<Json[]>
  /** `http://127.0.0.1:PORT`; the rig uses the host's network. */
  url(): Promise<string>
  journal(...args: string[]): Promise<string>
}

export function install(options: InstallOptions): Installed {
  const directory = temporaryDirectory()
  const at = (...parts: string[]) => {
    const path = join(directory, ...parts)
    mkdirSync(dirname(path), { recursive: true })
    return path
  }
  const put = (path: string, text: string) => writeFileSync(at(path), text)

  for (const file of BINARY.endsWith('.cjs') ? [process.execPath, BINARY] : [BINARY])
    place(file, at('opt', file === BINARY ? `gatewatch${BINARY.endsWith('.cjs') ? '.cjs' : ''}` : 'node'))
  for (const file of ['passwd', 'group']) copyFileSync(`/etc/${file}`, at('etc', file))
  // The same machine at each boot; the rig's own id is a new one each time.
  put('etc/machine-id', `${randomBytes(16).toString('hex')}\n`)
  const made = spawnSync('systemd-sysusers', [`--root=${directory}`, join(SHIPPED, 'gatewatch.sysusers.conf')])
  if (made.status !== 0) throw new Error(`systemd-sysusers: ${made.stderr}`)
  const uid = Number(/^gatewatch:[^:]*:(\d+):/m.exec(readFileSync(at('etc/passwd'), 'utf8'))?.[1])
  mkdirSync(at('lib/systemd'), { recursive: true })
  const stateFile = `gatewatch/${basename(directory)}.ring`

  copyFileSync(UNIT_FILE, at('seed/gatewatch.service'))
  const service = (lines: string) => {
    // ProtectProc= gives the service its own /proc, which would show the host's boot id.
    const boot = 'BindReadOnlyPaths=/run/boot-id:/proc/sys/kernel/random/boot_id'
    const watch = `Environment=GATEWATCH_MONITORED_SERVICES=${options.services.join(',')} GATEWATCH_PROMETHEUS_PORT=0`
    // The rigs share the host's network namespace, and with it the abstract sockets that lock a state file by its path.
    const state = `Environment=GATEWATCH_PERSISTENCE_FILE=/var/lib/${stateFile}`
    put(
      'seed/gatewatch.service.d/test.conf',
      `[Service]\nExecStart=\nExecStart=${COMMAND} run\n${boot}\n${watch}\n${state}\n${lines}\n`,
    )
  }
  service(options.service ?? '')
  mkdirSync(at('seed/rig.target.wants'), { recursive: true })
  for (const [name, text] of Object.entries(options.units ?? {})) {
    put(`seed/${name}`, text)
    if (!/@\.|\//.test(name)) symlinkSync(`../${name}`, at('seed/rig.target.wants', name))
  }
  symlinkSync('../gatewatch.service', at('seed/rig.target.wants/gatewatch.service'))

  return {
    directory,
    stateFile: at('lib', stateFile),
    uid,
    service,
    async boot() {
      const bind = [`${at('opt')}:/opt`, `${at('lib')}:/var/lib`]
      for (const file of ['passwd', 'group', 'machine-id']) bind.push(`${at('etc', file)}:/etc/${file}`)
      const systemd = await startSystemd({ bind, seed: at('seed'), cgroup: options.cgroup ?? 'auto' })
      const booted = gateway(systemd)
      await until(() => booted.getJson('/api/v1/status'), {
        what: 'the agent to listen',
        timeoutMs: AGENT_START_TIMEOUT_MS,
      }).catch(async (error: Error) => {
        const journal = await booted.journal('-u', 'gatewatch.service', '-n', '40')
        await systemd.stop()
        throw new Error(`${error.message}\n${journal}`)
      })
      return booted
    },
    remove: () => removeDirectory(directory),
  }
}

function gateway(systemd: Systemd): Gateway {
  const socket = join(systemd.runDir, 'gatewatch/gatewatch.sock')
  const getJson = (path: string) => getJsonFromSocket(socket, path)
  return {
    systemd,
    socket,
    getJson,
    unit: (name) => getJson(`/api/v1/units/${name}`),
    events: async () => (await getJson('/api/v1/events?limit=1000'))['events'] as Json[],
    async url() {
      const { listening } = await until(() => getJson('/api/v1/status'), {
        what: 'the agent to listen',
        is: (s) => s['listening'] !== null,
      })
      return `http://127.0.0.1:${String(listening).replace(/^.*:/, '')}`
    },
    async journal(...args) {
      await systemd.exec('journalctl', '--sync') // journald may still have to process what was logged
      return (await systemd.exec('journalctl', '--no-pager', '-q', ...args)).stdout
    },
  }
}

/** Uses a hard link if possible, because Node has 100 MB. */
function place(from: string, to: string): void {
  if (statSync(from).dev === statSync(dirname(to)).dev) linkSync(from, to)
  else copyFileSync(from, to)
}
