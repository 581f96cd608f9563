// The assembly by pkg, which reports success whatever happens: what the build checks after it, and what it leaves behind.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, expect, it } from 'vitest'
import { describeUnless } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { build, noBuild, ROOT } from './executable.ts'

const { checkInjection, checkStart } = await import(join(ROOT, 'build/executable/check.mjs'))
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2'

const directory = mkdtempSync(join(tmpdir(), 'gw-assembly-'))
const temporary = join(directory, 'tmp')
const out = join(directory, 'out')
mkdirSync(temporary)
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const file = (name: string, content: string, mode = 0o644) => {
  writeFileSync(join(directory, name), content, { mode })
  return join(directory, name)
}

it('an executable without the application is an error', () => {
  const node = file('node', `.....${FUSE}:0.....`)
  const script = file('script', 'x'.repeat(100))
  const check = (executable: string, report: string) => () =>
    checkInjection({ executable: file('executable', executable), node, script, log: file('log', report) })
  const done = 'Start injection\nInjection done!\n'
  const why = 'pkg did not put the application into the executable'
  expect(check(`.....${FUSE}:1.....${'x'.repeat(100)}`, done)).not.toThrow()
  expect(check(`.....${FUSE}:0.....${'x'.repeat(100)}`, done)).toThrow(`${why}: the fuse is not set`)
  expect(check(`.....${FUSE}:1.....${'x'.repeat(99)}`, done)).toThrow(
    `${why}: it is 99 bytes larger than its Node.js; the application has 100`,
  )
  expect(check(`.....${FUSE}:1.....${'x'.repeat(100)}`, 'Start\n\x1b[31mError: no space\x1b[0m\n')).toThrow(
    `${why}: no space`,
  )
})

it('an executable that does not start, or prints a warning, is an error', () => {
  const started = (script: string) => () =>
    checkStart({ arch: 'x64', executable: file('program', `#!/bin/sh\n${script}\n`, 0o755), version: '24.21.0' })
  const report = (version: string) => `echo '{"node_version":"${version}","target":"linux-x64"}'`
  expect(started(report('24.21.0'))).not.toThrow()
  expect(started(report('20.11.0'))).toThrow('for x64 reports Node 20.11.0 and linux-x64; expected Node 24.21.0')
  const why = 'the executable for x64 does not start without errors'
  expect(started(`echo 'Warning: Code cache data rejected.' >&2; ${report('24.21.0')}`)).toThrow(
    `${why}: Warning: Code cache data rejected.`,
  )
  expect(started('exit 3')).toThrow(`${why}: exit code 3`)
  expect(() => checkStart({ arch: 'x64', executable: join(directory, 'none'), version: '24.21.0' })).toThrow(/ENOENT$/)
})

describeUnless(noBuild(), 'a build that fails', () => {
  it('because of the injection has an error, and leaves nothing behind', { timeout: 300_000 }, () => {
    const node = join(directory, 'node-without-fuse')
    const bytes = readFileSync(process.execPath)
    const position = bytes.indexOf(`${FUSE}:0`)
    expect(position).toBeGreaterThan(0)
    bytes.write('NODE_WITHOUT_', position)
    writeFileSync(node, bytes, { mode: 0o755 })
    const env = { TMPDIR: temporary, XDG_CACHE_HOME: join(directory, 'cache') }
    const { status, stderr } = build({ env }, '--target', 'x64', '--node', node, '--out', out)
    expect({ status, lines: stderr.trim().split('\n').slice(1) }).toEqual({
      status: 1,
      lines: [
        `build: pkg did not put the application into the executable: Could not find the sentinel ${FUSE} in the binary`,
      ],
    })
    expect([readdirSync(temporary), readdirSync(out)]).toEqual([[], []])
  })

  it('because of a signal ends its tools, and leaves nothing behind', { timeout: 300_000 }, async () => {
    const args = ['build/executables.mjs', '--target', 'arm64', '--out', out]
    const options = { cwd: ROOT, env: { ...process.env, TMPDIR: temporary } }
    const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = new Promise((resolve) => child.once('exit', resolve))
    const report = text(child.stderr)
    try {
      const toolsRunning = () => commandLines().filter((line) => line.includes(temporary))
      await until(toolsRunning, {
        what: "the target's Node to generate the blob",
        is: (lines) => lines.some((line) => line.includes('qemu-aarch64-static')),
        timeoutMs: 120_000,
      })
      child.kill('SIGTERM')
      expect(await ended).toBe(1)
      await until(toolsRunning, { what: 'the tools to end', is: (lines) => lines.length === 0 })
    } finally {
      child.kill('SIGKILL')
    }
    expect(await report).toMatch(/build: stopped by SIGTERM; nothing was left half built\n$/)
    expect([readdirSync(temporary), readdirSync(out)]).toEqual([[], []])
  })
})

/** Of all processes; one that ends meanwhile is left out. */
function commandLines(): string[] {
  const paths = readdirSync('/proc').map((pid) => `/proc/${pid}/cmdline`)
  return paths.filter(existsSync).flatMap((path) => {
    try {
      return [readFileSync(path, 'utf8').replaceAll('\0', ' ')]
    } catch {
      return []
    }
  })
}
