// A gateway with gatewatch installed: its unit file as shipped, its user from sysusers, and a state that survives a boot.
import { spawnSync } from 'node:child_process'
import { copyFileSync, linkSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Json } from '../../src/core/api-json.ts'
import { askSocket, BINARY, removeDirectory, temporaryDirectory } from './gatewatch.ts'
import { type Systemd, type SystemdOptions, startSystemd } from './systemd.ts'
import { missingPrograms, noSystemd } from './unavailable.ts'
import { until } from './until.ts'

const SHIPPED = join(import.meta.dirname, '../../systemd')
const AGENT_AT_MOST_MS = 30_000
export const UNIT_FILE = join(SHIPPED, 'gatewatch.service')
/** Where the agent is inside; /usr is read-only there. */
const OPT = '/opt'
export const COMMAND = BINARY.endsWith('.cjs') ? `${OPT}/node ${OPT}/gatewatch.cjs` : `${OPT}/gatewatch`

/** Why a gateway cannot be had here, or null. */
export function noGateway(): string | null {
  return noSystemd() ?? missingPrograms('journalctl', 'systemd-analyze', 'systemd-notify', 'systemd-sysusers')
}

export interface InstallOptions {
  readonly services: readonly string[]
  /** Further unit files, those that an operator wrote; all but `gatewatch.service` and templates start with the system. */
  readonly units?: Readonly<Record<string, string>>
  /** Lines of a drop-in for gatewatch.service. */
  readonly service?: string
  readonly cgroup?: SystemdOptions['cgroup']
}

export interface Installed {
  /** The state file, which is kept over boots. */
  readonly stateFile: string
  readonly uid: number
  /** Changes the drop-in of gatewatch.service for the next boot. */
  service(lines: string): void
  /** Starts the system, and with it the agent; resolves when both are up. */
  boot(): Promise<Gateway>
  remove(): void
}

export interface Gateway {
  readonly systemd: Systemd
  readonly socket: string
  /** A GET over the agent's local socket, its body as JSON. */
  ask(path: string): Promise<Json>
  /** A unit as the agent counts it. */
  unit(name: string): Promise<Json>
  events(): Promise<Json[]>
  /** `http://127.0.0.1:PORT`: the rig has the host's network. */
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
  const made = spawnSync('systemd-sysusers', [`--root=${directory}`, join(SHIPPED, 'gatewatch.sysusers.conf')])
  if (made.status !== 0) throw new Error(`systemd-sysusers: ${made.stderr}`)
  const uid = Number(/^gatewatch:[^:]*:(\d+):/m.exec(readFileSync(at('etc/passwd'), 'utf8'))?.[1])
  mkdirSync(at('lib/systemd'), { recursive: true })
  const stateFile = `gatewatch/${basename(directory)}.ring`

  copyFileSync(UNIT_FILE, at('seed/gatewatch.service'))
  const service = (lines: string) => {
    // ProtectProc= gives the service a /proc of its own, in which the boot would be the host's.
    const boot = 'BindReadOnlyPaths=/run/boot-id:/proc/sys/kernel/random/boot_id'
    const watch = `Environment=GATEWATCH_MONITORED_SERVICES=${options.services.join(',')} GATEWATCH_PROMETHEUS_PORT=0`
    // All rigs are in the host's network, and so in one namespace of the sockets that lock a state file by its path.
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
    if (!name.includes('@.')) symlinkSync(`../${name}`, at('seed/rig.target.wants', basename(name)))
  }
  symlinkSync('../gatewatch.service', at('seed/rig.target.wants/gatewatch.service'))

  return {
    stateFile: at('lib', stateFile),
    uid,
    service,
    async boot() {
      const bind = [`${at('opt')}:/opt`, `${at('lib')}:/var/lib`]
      for (const file of ['passwd', 'group']) bind.push(`${at('etc', file)}:/etc/${file}`)
      const systemd = await startSystemd({ bind, seed: at('seed'), cgroup: options.cgroup ?? 'auto' })
      const booted = gateway(systemd)
      await until(() => booted.ask('/api/v1/status'), { what: 'the agent', timeoutMs: AGENT_AT_MOST_MS }).catch(
        async (error: Error) => {
          const journal = await booted.journal('-u', 'gatewatch.service', '-n', '40')
          await systemd.stop()
          throw new Error(`${error.message}\n${journal}`)
        },
      )
      return booted
    },
    remove: () => removeDirectory(directory),
  }
}

function gateway(systemd: Systemd): Gateway {
  const socket = join(systemd.runDir, 'gatewatch/gatewatch.sock')
  const ask = (path: string) => askSocket(socket, path)
  return {
    systemd,
    socket,
    ask,
    unit: (name) => ask(`/api/v1/units/${name}`),
    events: async () => (await ask('/api/v1/events?limit=1000'))['events'] as Json[],
    async url() {
      const { listening } = await until(() => ask('/api/v1/status'), {
        what: 'the agent',
        is: (s) => s['listening'] !== null,
      })
      return `http://127.0.0.1:${String(listening).replace(/^.*:/, '')}`
    },
    async journal(...args) {
      return (await systemd.exec('journalctl', '--no-pager', '-q', ...args)).stdout
    },
  }
}

/** A link where that can be: Node has 100 MB. */
function place(from: string, to: string): void {
  if (statSync(from).dev === statSync(dirname(to)).dev) linkSync(from, to)
  else copyFileSync(from, to)
}
