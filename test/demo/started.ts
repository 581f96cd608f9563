// Starts the demo for a test, as a person does: into a pipe or under a terminal; and finds whatever it left behind.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../rig/until.ts'

export const REPOSITORY = join(import.meta.dirname, '../..')
export const DEMO = [process.execPath, '--import', 'tsx', 'test/demo/demo.ts']

/** Also where systemd runs these tests play the private stage: nothing in /run says so. */
const WITHOUT_SYSTEMD = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && exec "$@"', 'sh']

export interface StartedDemo extends AsyncDisposable {
  readonly pid: number
  /** Everything on stdout and stderr so far. */
  said(): string
  /** Resolves with what matched first, from now on or before. */
  sees(pattern: RegExp): Promise<RegExpExecArray>
  type(keys: string): void
  kill(signal: NodeJS.Signals): void
  readonly exitCode: Promise<number | null>
  /** Every process, mount, cgroup and file that is there because of this demo. */
  traces(): string[]
}

export interface StartOptions {
  /** Under a terminal of 80 x 24, by script(1). */
  readonly terminal?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** What runs the demo in its turn. */
  readonly before?: readonly string[]
}

export function startDemo(args: readonly string[], options: StartOptions = {}): StartedDemo {
  const { terminal = false, env = {}, before = [] } = options
  const directory = mkdtempSync(join(tmpdir(), 'gw-d-'))
  chmodSync(directory, 0o777)
  const words = [...WITHOUT_SYSTEMD, ...before, ...DEMO, ...args]
  const shell = `stty rows 24 cols 80; exec ${words.map((word) => `'${word}'`).join(' ')}`
  const [program = '', ...rest] = terminal ? ['script', '-qec', shell, '/dev/null'] : words
  const child = spawn(program, rest, {
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], TERM: 'xterm', TMPDIR: directory, ...env },
    stdio: 'pipe',
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text
    })
  }
  const cgroups = new Set<string>()
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    pid: child.pid ?? 0,
    said: () => said,
    async sees(pattern) {
      const found = await until(() => pattern.exec(said), {
        what: `${pattern} to be shown`,
        timeoutMs: 30_000,
        is: (match) => {
          if (match === null && child.exitCode !== null) throw new Error(`the demo ended: ${said}`)
          return match !== null
        },
      })
      for (const name of cgroupsOf(directory)) cgroups.add(name)
      return found as RegExpExecArray
    },
    type: (keys) => void child.stdin.write(keys),
    kill: (signal) => void child.kill(signal),
    exitCode,
    traces: () => [...filesIn(directory), ...processesOf(directory), ...existing(cgroups)],
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exitCode
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** The demo's own; tsx keeps a cache there too. */
function filesIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('gw-'))
}

/** Whoever has the directory in its environment or in its mounts. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const told = readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ')
        return told.includes(directory) ? [`process ${pid} ${command}`] : []
      } catch {
        return [] // it ended while we looked
      }
    })
}

/** Names of the control groups of the private systemd below `directory`. */
function cgroupsOf(directory: string): string[] {
  return filesIn(directory).flatMap((demo) => {
    try {
      const rigs = join(directory, demo, 'rig')
      return readdirSync(rigs).map((name) => `rig-${readFileSync(join(rigs, name, 'cgid'), 'utf8').trim()}`)
    } catch {
      return [] // not that far yet, or no rig's directory
    }
  })
}

function existing(cgroups: ReadonlySet<string>): string[] {
  const root = '/sys/fs/cgroup'
  const below = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return [root, ...below.map(({ name }) => join(root, name))].flatMap((hierarchy) =>
    readdirSync(hierarchy).flatMap((name) => (cgroups.has(name) ? [`cgroup ${hierarchy}/${name}`] : [])),
  )
}
