// Starts the demo for a test, with a pipe or on a terminal, and finds processes and files that it left behind.
import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../rig/until.ts'

export const REPOSITORY = join(import.meta.dirname, '../..')
export const DEMO_COMMAND = [process.execPath, '--import', 'tsx', 'test/demo/demo.ts']

/** Hides /run, so that the tests use the private systemd even on a machine that runs systemd. */
const WITHOUT_SYSTEMD = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && exec "$@"', 'sh']

export interface DemoProcess extends AsyncDisposable {
  readonly pid: number
  /** Everything written to stdout and stderr so far. */
  output(): string
  /** Resolves with the first match in the output so far, or as soon as there is one. */
  waitFor(pattern: RegExp): Promise<RegExpExecArray>
  type(keys: string): void
  kill(signal: NodeJS.Signals): void
  readonly exitCode: Promise<number | null>
  /** Every process, mount, cgroup and file that exists because of this demo. */
  traces(): string[]
}

export interface StartOptions {
  /** On a terminal of 80 x 24, provided by script(1). */
  readonly terminal?: boolean
  readonly env?: Readonly<Record<string, string>>
  /** A command in front of the demo, such as setpriv(1). */
  readonly prefix?: readonly string[]
}

export function startDemo(args: readonly string[], options: StartOptions = {}): DemoProcess {
  const { terminal = false, env = {}, prefix = [] } = options
  const directory = mkdtempSync(join(tmpdir(), 'gw-d-'))
  chmodSync(directory, 0o777)
  const words = [...WITHOUT_SYSTEMD, ...prefix, ...DEMO_COMMAND, ...args]
  const shell = `stty rows 24 cols 80; exec ${words.map((word) => `'${word}'`).join(' ')}`
  const [program = '', ...rest] = terminal ? ['script', '-qec', shell, '/dev/null'] : words
  const child = spawn(program, rest, {
    cwd: REPOSITORY,
    env: { PATH: process.env['PATH'], TERM: 'xterm', TMPDIR: directory, ...env },
    stdio: 'pipe',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  const cgroups = new Set<string>()
  const exitCode = new Promise<number | null>((resolve) => child.once('close', resolve))
  return {
    pid: child.pid ?? 0,
    output: () => output,
    async waitFor(pattern) {
      const found = await until(() => pattern.exec(output), {
        what: `${pattern} to be shown`,
        timeoutMs: 30_000,
        is: (match) => {
          if (match === null && child.exitCode !== null) throw new Error(`the demo exited: ${output}`)
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

/** The files of the demo; tsx keeps a cache in the same directory. */
function filesIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name.startsWith('gw-'))
}

/** Processes with the directory in their environment or in their mounts. */
function processesOf(directory: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/environ`, 'utf8') + readFileSync(`/proc/${pid}/mountinfo`, 'utf8')
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ')
        return text.includes(directory) ? [`process ${pid} ${command}`] : []
      } catch {
        return [] // it has exited since readdir
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
      return [] // not created yet, or not a rig's directory
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
