// The set-up before an npm script: the locked packages, and a Node that is new enough.
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let project: string
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), 'gw-setup-'))
  cpSync(join(ROOT, 'build'), join(project, 'build'), { recursive: true })
  lock({ a: '1.0.0' })
  mkdirSync(join(project, 'bin'))
})
afterEach(() => rmSync(project, { recursive: true, force: true }))

/** Writes a lock file with these packages. */
function lock(versions: Record<string, string>): void {
  const packages = Object.fromEntries(
    Object.entries(versions).map(([n, version]) => [`node_modules/${n}`, { version }]),
  )
  writeFileSync(join(project, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...packages } }))
}

/** Installs a program that records its call and runs `script`. */
function program(name: string, script = ''): void {
  const path = join(project, 'bin', name)
  writeFileSync(path, `#!/bin/sh\necho "${name} $*" >>${project}/calls\n${script}\n`)
  chmodSync(path, 0o755)
}

function setup(mode = 'start') {
  const env = { PATH: `${project}/bin:/usr/bin:/bin` }
  const args = ['build/setup.mjs', mode]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, encoding: 'utf8', env })
  const calls = existsSync(`${project}/calls`) ? readFileSync(`${project}/calls`, 'utf8') : ''
  rmSync(`${project}/calls`, { force: true })
  return { status, stdout, stderr, calls }
}

/** Simulates `npm ci`: creates the packages and npm's record of them. */
const NPM_CI = 'mkdir -p node_modules/a; cp package-lock.json node_modules/.package-lock.json'

describe('npm packages', () => {
  it('are installed once, and again when the lock file has changed', () => {
    program('npm', NPM_CI)
    expect(setup()).toMatchObject({ status: 0, calls: expect.stringMatching(/^npm ci .*\n$/) })
    expect(setup()).toMatchObject({ status: 0, calls: '' })
    lock({ a: '1.0.1' })
    expect(setup().calls).toContain('npm ci')
    expect(setup().calls).toBe('')
  })

  it('are left alone when they match the lock file', () => {
    program('npm', NPM_CI)
    setup()
    writeFileSync(join(project, 'package-lock.json'), `${readFileSync(join(project, 'package-lock.json'), 'utf8')}\n`)
    expect(setup().calls).toBe('')
  })

  it('cause an error if they cannot be installed', () => {
    program('npm', 'exit 7')
    const { status, stderr } = setup()
    expect([status, stderr]).toEqual([
      1,
      'setup: npm ci\nsetup: npm install --no-save\nsetup: npm install failed (exit code 7)\n',
    ])
  })

  it('are installed with npm install --no-save if npm ci fails', () => {
    program('npm', `[ $1 = ci ] && exit 1; ${NPM_CI}`)
    expect(setup()).toMatchObject({
      status: 0,
      calls: expect.stringMatching(/^npm ci .*\nnpm install --no-save .*\n$/),
    })
  })
})

it('the lock file contains the packages of every platform, as npm ci requires', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const optional = Object.values<{ optionalDependencies?: object }>(packages).flatMap((p) =>
    Object.keys(p.optionalDependencies ?? {}),
  )
  expect(optional).toContain('@biomejs/cli-darwin-arm64')
  expect(optional.filter((name) => packages[`node_modules/${name}`]?.version === undefined)).toEqual([])
})

it('xml2js and event-stream are not installed: dbus-next gets stubs', () => {
  const manifestFor = (name: string) => {
    const resolve = createRequire(join(ROOT, 'node_modules/dbus-next/lib/bus.js')).resolve
    return JSON.parse(readFileSync(resolve(`${name}/package.json`), 'utf8'))
  }
  expect(manifestFor('xml2js')).toMatchObject({ version: '0.0.0', description: expect.stringMatching(/^Replaces/) })
  expect(manifestFor('event-stream')).toMatchObject({ name: 'empty-npm-package' })
  expect(['sax', 'map-stream'].filter((name) => existsSync(join(ROOT, 'node_modules', name)))).toEqual([])
})

it('an unknown mode is an error that lists the known modes', () => {
  expect(setup('tset')).toMatchObject({
    status: 1,
    stderr: 'setup: usage: node build/setup.mjs demo|test|start|build|bench\n',
  })
})

describe('Node', () => {
  const problem = (version: string) => {
    const code = `import('./build/setup/node-version.mjs').then((m) => console.log(m.nodeProblem('${version}')))`
    return spawnSync(process.execPath, ['-e', code], { cwd: ROOT, encoding: 'utf8' }).stdout.trim()
  }

  it.each(['20.11.0', '20.20.2', '22.0.0', '24.1.0'])('%s is new enough', (version) => {
    expect(problem(version)).toBe('null')
  })

  it.each(['18.20.0', '20.10.9'])('%s is too old, and the message contains the required version', (version) => {
    expect(problem(version)).toContain(`Node 20.11 or newer is required, but this is ${version}`)
  })
})
