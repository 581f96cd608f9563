// Builds the standalone executables for tests, and runs them on this machine, those for ARM under emulation.
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { missingPrograms } from '../rig/unavailable.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type Arch = 'x64' | 'arm64' | 'armv7'

interface Target {
  readonly elf: string
  readonly run: readonly string[]
  readonly needed: readonly string[]
  readonly deb: string
}

const { TARGETS, HIGHEST_GLIBC } = (await import(join(ROOT, 'build/executable/targets.mjs'))) as {
  TARGETS: Record<Arch, Target>
  HIGHEST_GLIBC: string
}

export { HIGHEST_GLIBC, TARGETS }

/** Why the executables cannot be built on this machine, or null. */
export function noBuild(): string | null {
  return missingPrograms(
    ...['npm', 'tar', 'xz', 'readelf', 'strip', 'aarch64-linux-gnu-strip', 'arm-linux-gnueabihf-strip'],
    ...['qemu-aarch64-static', 'qemu-arm-static'],
  )
}

interface BuildOptions {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** flock(1) and its arguments, so that a tree has one build at a time, and the options of the process. */
function buildProcess({ cwd = ROOT, env = {} }: BuildOptions, args: readonly string[]) {
  // flock(1) would create a missing lock file, and the build could then not create the directory.
  mkdirSync(join(cwd, 'dist'), { recursive: true })
  const options = { cwd, timeout: 900_000, env: { ...process.env, ...env } } as const
  return { args: ['dist', process.execPath, 'build/executables.mjs', ...args], options }
}

/** Runs the build with `args`, by default in this source tree. */
export function build(where: BuildOptions, ...words: string[]) {
  const { args, options } = buildProcess(where, words)
  const { status, stdout, stderr } = spawnSync('/usr/bin/flock', args, { ...options, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Runs the build with `args`, beside this process. */
export async function buildBeside(where: BuildOptions, ...words: string[]) {
  const { args, options } = buildProcess(where, words)
  const child = spawn('/usr/bin/flock', args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [status, stderr] = await Promise.all([ended, text(child.stderr)])
  return { status, stderr }
}

/** Runs the build, throws if it fails, and returns its stderr. */
export function mustBuild(options: BuildOptions, ...args: string[]): string {
  const { status, stderr } = build(options, ...args)
  if (status !== 0) throw new Error(`the build failed (${status}):\n${stderr}`)
  return stderr
}

/** A program that runs the executable on this machine, under an emulator if it is for another CPU. */
export function runnable(arch: Arch, executable: string, directory: string): string {
  const { run } = TARGETS[arch]
  if (run.length === 0) return executable
  const path = join(directory, `gatewatch-${arch}`)
  writeFileSync(path, `#!/bin/sh\nexec ${run.join(' ')} '${executable}' "$@"\n`)
  chmodSync(path, 0o755)
  return path
}

/** The output of `readelf OPTIONS FILE`. */
export function readelf(options: string, file: string): string {
  return spawnSync('readelf', [options, '-W', file], { encoding: 'utf8' }).stdout
}

/**
 * What lintian, at its strictest, finds in a Debian package. Its searches for misspelt words and for parts of known libraries
 * in the executable are left out: they take longer than everything else, and what they find is overridden.
 */
export function lintian(deb: string): string {
  const args = ['--allow-root', '--no-cfg', '--display-info', '--display-experimental', '--pedantic']
  const { stdout, stderr } = spawnSync(
    'lintian',
    [...args, '--dont-check-part', 'binaries/spelling,libraries/embedded', deb],
    {
      encoding: 'utf8',
    },
  )
  return `${stdout}${stderr}`
}
