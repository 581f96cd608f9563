// The bundle: one self-contained script, without unused packages, quiet on stderr, and as lazy as the source.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startDbus } from '../rig/dbus.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const UNUSED_PACKAGES =
  /node_modules\/(usocket|x11|xml2js|xmlbuilder|sax|socks|ip-address|worker-timers|readable-stream|event-stream|hexy|jsbi|safe-buffer)\//

const directory = mkdtempSync(join(tmpdir(), 'gw-bundle-'))
const script = join(directory, 'out.cjs')
afterAll(() => rmSync(directory, { recursive: true, force: true }))

let report = ''
beforeAll(() => {
  const entry = 'test/build/fixture/entry.ts'
  const args = ['build/bundle.mjs', '--entry', entry, '--out', script]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' })
  expect([status, stderr]).toEqual([0, ''])
  report = stdout
})

/** Runs the bundle outside the tree with node_modules; a call of a deprecated API is an error. */
function run(...args: string[]) {
  const options = { cwd: directory, encoding: 'utf8', env: { NODE_OPTIONS: '--throw-deprecation' } } as const
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...args], options)
  return { status, stdout, stderr }
}

it('is one executable script with a shebang', () => {
  expect(readFileSync(script, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  expect(statSync(script).mode & 0o777).toBe(0o755)
})

it('contains its version and revision', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const { status, stdout, stderr } = run('version')
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  expect(stdout).toMatch(new RegExp(`^${version} ([0-9a-f]{12}(-dirty)?|unknown)\n$`))
})

it('does not contain unused packages', () => {
  expect(readFileSync(script, 'utf8')).not.toMatch(UNUSED_PACKAGES)
  expect(report).toMatch(/^ +\d+ {2}dbus-next$/m)
  expect(report).not.toMatch(/xml2js|jsbi|x11|event-stream/)
})

it('does not use import() at run time, which fails in a single executable of Node 20', () => {
  const { stdout } = spawnSync(
    process.execPath,
    ['build/bundle.mjs', '--quiet', '--out', join(directory, 'whole.cjs')],
    {
      cwd: ROOT,
      encoding: 'utf8',
    },
  )
  expect(stdout).toBe('')
  expect(readFileSync(join(directory, 'whole.cjs'), 'utf8').match(/\bimport\("[^"]*"\)/g)).toBeNull()
})

it('loads a lazy module only when it is imported', () => {
  expect(run('nothing')).toEqual({ status: 0, stdout: '', stderr: '' })
  expect(run('lazy')).toEqual({ status: 0, stdout: 'loaded\n42\n', stderr: '' })
})

it('has a source map, with which a stack trace is decoded', () => {
  const { status, stderr } = run('fail', 'this')
  expect(status).toBe(1)
  expect(stderr).not.toMatch('lazy.ts')
  const trace = join(directory, 'trace.txt')
  writeFileSync(trace, `gw gatewatch[7]: it failed\n${stderr}`)
  const decode = (...args: string[]) => {
    const options = { cwd: ROOT, encoding: 'utf8' } as const
    return spawnSync(process.execPath, ['build/trace.mjs', trace, '--map', ...args], options).stdout
  }
  const decoded = decode(`${script}.map`)
  const lines = readFileSync(join(ROOT, 'test/build/fixture/lazy.ts'), 'utf8').split('\n')
  const lineOf = (text: string) => lines.findIndex((line) => line.includes(text)) + 1
  expect(decoded).toMatch(/^gw gatewatch\[7\]: it failed\n.*Error: cannot do this\n {4}at /s)
  expect(decoded).toContain(`    at throwError (test/build/fixture/lazy.ts:${lineOf('throw new Error')}:9)\n`)
  expect(decoded).toMatch(
    new RegExp(`^    at \\S+ \\(test/build/fixture/lazy.ts:${lineOf('return throwError')}:10\\)$`, 'm'),
  )
  expect(decoded).toMatch(/^ {4}at .*test\/build\/fixture\/entry\.ts:\d+:\d+\)?$/m)
})

it('contains rarely used packages compressed, and unpacks them when they are imported', () => {
  expect(readFileSync(script, 'utf8')).not.toMatch('RE2JSSyntaxException')
  expect(report).toMatch(/^ +\d+ {2}re2js$/m)
  expect(run('pack')).toEqual({ status: 0, stdout: 'true\n', stderr: '' })
})

it('has lines short enough for readable stack traces', () => {
  const longest = Math.max(
    ...readFileSync(script, 'utf8')
      .split('\n')
      .map((line) => line.length),
  )
  expect(longest).toBeLessThan(2000)
})

describeUnless(missingPrograms('mosquitto'), 'the bundle with a broker', () => {
  it('uses MQTT without the packages that were left out', async () => {
    const user = userInfo().username
    writeFileSync(join(directory, 'broker.conf'), `listener 0 ${directory}/mqtt\nallow_anonymous true\nuser ${user}\n`)
    const broker = spawn('mosquitto', ['-c', join(directory, 'broker.conf')], { stdio: 'ignore' })
    try {
      await until(() => existsSync(join(directory, 'mqtt')), { what: 'mosquitto to listen' })
      expect(run('mqtt', `${directory}/mqtt`)).toEqual({ status: 0, stdout: 'a greeting\n', stderr: '' })
    } finally {
      broker.kill('SIGKILL')
    }
  })
})

describeUnless(missingPrograms('dbus-daemon', 'setpriv'), 'the bundle on a bus', () => {
  it('uses D-Bus without the packages that were left out', async () => {
    await using bus = await startDbus()
    expect(run('bus', bus.address)).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^[0-9a-f]{32}\n$/),
      stderr: '',
    })
  })
})
