// A release: which Node.js it accepts, and where it shows that; and the static Node.js, fetched from a server on this machine.
import { spawnSync } from 'node:child_process'
import { createHash, generateKeyPairSync, verify } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeUnless } from '../rig/unavailable.ts'
import { build, buildBeside, mustBuild, noBuild, ROOT } from './executable.ts'
import { VERSION } from './gateway-root.ts'

const PARTS = ['src', 'build', 'deploy', 'systemd', 'package.json', 'package-lock.json', 'tsconfig.json']
const MORE = ['LICENSE', 'CHANGELOG.md', 'node_modules']
const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex')
const MAJOR = process.versions.node.split('.')[0] ?? ''

describeUnless(noBuild(), 'the Node.js of a release', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-release-'))
  const tree = join(directory, 'tree')
  const env = { GATEWATCH_REVISION: '0a1b2c3d4e5f', XDG_CACHE_HOME: join(directory, 'cache') }
  const given = join(directory, 'node-given/bin/node')
  const digest = sha256(readFileSync(process.execPath))
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const node = ['--target', 'x64', '--node', `x64=${given}`, '--node-sha256']
  /** Changes a JSON file of the tree. */
  const edit = (file: string, change: (value: Record<string, Record<string, unknown>>) => void) => {
    const value = JSON.parse(readFileSync(join(tree, file), 'utf8'))
    change(value)
    writeFileSync(join(tree, file), JSON.stringify(value))
  }
  const pack = (...args: string[]) => {
    const words = ['--import', 'tsx', 'build/package.mjs', '--from', 'out', '--target', 'x64', '--level', '0', ...args]
    const { status, stderr } = spawnSync(process.execPath, words, { cwd: tree, encoding: 'utf8' })
    return { status, stderr }
  }

  beforeAll(() => {
    mkdirSync(join(tree, 'dist'), { recursive: true })
    mkdirSync(join(given, '..'), { recursive: true })
    const copied = spawnSync('cp', ['-a', ...[...PARTS, ...MORE].map((part) => join(ROOT, part)), tree])
    expect(copied.status).toBe(0)
    mustBuild({}, '--target', 'script')
    expect(spawnSync(process.execPath, ['build/bundle.mjs', '--quiet'], { cwd: tree, env }).status).toBe(0)
    copyFileSync(process.execPath, given)
    writeFileSync(join(directory, 'node-given/LICENSE'), 'the licence of Node.js')
    writeFileSync(join(directory, 'release.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }))
    edit('build/bases.json', (bases) => {
      bases['support_ends'] = { [MAJOR]: '2020-04-30' }
    })
  }, 300_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  it('is not the pinned one for armv7, which is past its end of life', { timeout: 300_000 }, () => {
    expect(build({}, '--release', '--target', 'armv7', '--out', directory)).toMatchObject({
      status: 1,
      stderr:
        'build: --release: armv7 contains Node 20.11.0, past its end of life (2026-04-30); pass a supported Node with ' +
        '--node armv7=PATH, or build and package with --allow-end-of-life\n',
    })
  })

  it('must have the SHA-256 that is given', { timeout: 60_000 }, () => {
    const other = sha256('another file')
    expect(build({ cwd: tree, env }, ...node, other)).toMatchObject({
      status: 1,
      stderr: `build: --node ${given}: its SHA-256 is ${digest}, but --node-sha256 requires ${other}; not used\n`,
    })
    expect(existsSync(env.XDG_CACHE_HOME)).toBe(false)
    expect(build({ cwd: tree, env }, ...node, 'abc').stderr).toBe(
      'build: --node-sha256 abc: must be 64 hexadecimal digits\n',
    )
    expect(build({ cwd: tree, env }, '--node-sha256', `x64=${digest}`).stderr).toBe(
      'build: --node-sha256: requires --node x64=PATH\n',
    )
  })

  it('may be past its end of life only with --allow-end-of-life, and then this is visible', {
    timeout: 300_000,
  }, () => {
    const refused = `--release: x64 contains Node ${process.versions.node}, past its end of life (2020-04-30); `
    const out = ['--out', 'out', '--release']
    expect(build({ cwd: tree, env }, ...node, digest.toUpperCase(), ...out)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(refused),
    })
    mustBuild({ cwd: tree, env }, ...node, digest, ...out, '--allow-end-of-life')

    const { stdout } = spawnSync(join(tree, 'out/gatewatch-linux-x64'), ['version'], { encoding: 'utf8' })
    expect(stdout).toContain(', end of life since 2020-04-30 (allowed by --allow-end-of-life), linux-x64)\n')
    const json = spawnSync(join(tree, 'out/gatewatch-linux-x64'), ['version', '--json'], { encoding: 'utf8' })
    expect(JSON.parse(json.stdout)).toEqual({
      version: VERSION,
      revision: '0a1b2c3d4e5f',
      node_version: process.versions.node,
      target: 'linux-x64',
      node_supported_until: '2020-04-30',
      node_sha256: digest,
      node_end_of_life_allowed: true,
    })

    writeFileSync(join(tree, 'out/gatewatch-linux-x64'), 'small, because packing takes long')
    edit('out/.gatewatch-linux-x64.json', (info) => {
      Object.assign(info, { sha256: sha256('small, because packing takes long') })
    })
    expect(pack('--release', '--allow-end-of-life')).toEqual({
      status: 1,
      stderr: 'package: --release: a release is signed; pass --sign KEY.pem, or --allow-unsigned\n',
    })
    const sign = ['--release', '--sign', join(directory, 'release.pem')]
    expect(pack(...sign)).toMatchObject({ status: 1, stderr: expect.stringContaining(`package: ${refused}`) })
    for (const stale of ['meta-gatewatch-%.tar.xz', 'gatewatch-%-linux-armv7.tar.xz'])
      writeFileSync(join(tree, 'dist', stale.replace('%', VERSION)), 'of an earlier build')
    const packed = pack(...sign, '--allow-end-of-life')
    expect(packed).toMatchObject({ status: 0 })
    const notes = readFileSync(join(tree, `dist/gatewatch-${VERSION}-release-notes.md`), 'utf8')
    const support = '2020-04-30: **past its end of life, no security updates** (released with `--allow-end-of-life`)'
    expect(notes).toContain(`| linux-x64 | ${process.versions.node} | ${support} | \`${digest}\` |\n`)
    expect(readFileSync(join(tree, `dist/gatewatch-${VERSION}-linux-x64.licences.txt`), 'utf8')).toMatch(
      /\ngatewatch \(MIT\)\n[\s\S]*\nmqtt [\d.]+ \(MIT\)\n[\s\S]*the licence of Node\.js\n$/,
    )
    expect(notes).toContain('\n## Changes\n\n- Watches systemd units over D-Bus')
    const sums = readFileSync(join(tree, 'dist/SHA256SUMS'), 'utf8')
    const endings = ['.cdx.json', '.licences.txt', '.map', '.tar.xz', '.vex.cdx.json'].map(
      (end) => `-${VERSION}-linux-x64${end}`,
    )
    expect(sums.match(/(?<= {2}gatewatch).*/g)).toEqual([
      ...endings,
      `-${VERSION}-release-notes.md`,
      `_${VERSION}_amd64.deb`,
    ])
    expect(existsSync(join(tree, `dist/meta-gatewatch-${VERSION}.tar.xz`))).toBe(false)
    const signature = readFileSync(join(tree, 'dist/SHA256SUMS.sig'))
    expect(verify(null, Buffer.from(sums), publicKey, signature)).toBe(true)
    const sbom = JSON.parse(readFileSync(join(tree, `dist/gatewatch-${VERSION}-linux-x64.cdx.json`), 'utf8'))
    expect(sbom.components.find(({ name }: { name: string }) => name === 'node')).toMatchObject({
      purl: `pkg:generic/node@${process.versions.node}`,
      hashes: [{ alg: 'SHA-256', content: digest }],
      properties: [
        { name: 'gatewatch:node_sha256', value: digest },
        { name: 'gatewatch:node_supported_until', value: '2020-04-30' },
        { name: 'gatewatch:node_end_of_life_allowed', value: 'true' },
      ],
    })
  })

  it('must have a known end of support', { timeout: 300_000 }, () => {
    edit('build/bases.json', (bases) => {
      bases['support_ends'] = {}
    })
    expect(build({ cwd: tree, env }, ...node, digest, '--release', '--allow-end-of-life').stderr).toBe(
      `build: --release: x64 contains Node ${process.versions.node}, whose end of support is unknown; add it to build/bases.json\n`,
    )
  })

  it('static, is fetched, verified, and assembled with the application', { timeout: 300_000 }, async () => {
    // A dummy for pkg's Node, of which pkg needs only the places for the positions of the application.
    const bakery = `\0${'// BAKERY '.repeat(20)}`
    const places = ['PAYLOAD_POSITION', 'PAYLOAD_SIZE', 'PRELUDE_POSITION', 'PRELUDE_SIZE'].map(
      (name) => `// ${name} //`,
    )
    const dummy = Buffer.from(`${bakery}${places.join('\0')}\0`)
    const file = 'node-v22.22.2-linuxstatic-armv7'
    edit('build/bases.json', (bases) => {
      Object.assign(bases['static']?.['sha256'] as object, { armv7: sha256(dummy) })
    })
    edit('node_modules/@yao-pkg/pkg-fetch/lib-es5/expected-shas.json', (shas) => {
      Object.assign(shas, { [file]: sha256(dummy) })
    })
    let served: Buffer = Buffer.from(dummy)
    served[served.length - 1] = 1
    const requests: string[] = []
    const server = createServer((request, response) => {
      requests.push(request.url ?? '')
      response.writeHead(requests.length === 1 ? 503 : 200).end(served)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const url = `${from}/v3.5/${file}`
    const makeStatic = () =>
      buildBeside({ cwd: tree, env }, '--static', '--static-from', from, '--target', 'armv7', '--out', 'static')
    try {
      expect((await makeStatic()).stderr).toMatch(`build: --static: cannot fetch ${url}: HTTP status 503\n`)
      const tampered = sha256(served)
      expect((await makeStatic()).stderr).toMatch(
        `build: --static: ${url} does not match build/bases.json: expected SHA-256 ${sha256(dummy)}, got ${tampered}; it was deleted\n`,
      )
      expect(readdirSync(join(tree, 'static'))).toEqual([])
      expect(readdirSync(join(env.XDG_CACHE_HOME, 'gatewatch/pkg/v3.5'))).toEqual([])
      served = dummy
      expect(await makeStatic()).toMatchObject({ status: 0, stderr: expect.stringContaining('never run by us') })
      expect(await makeStatic()).toMatchObject({ status: 0 })
    } finally {
      server.close()
    }
    expect(requests).toEqual(Array(3).fill(`/v3.5/${file}`)) // the last build found it in the cache
    const executable = readFileSync(join(tree, 'static/gatewatch-linux-armv7-static'))
    expect(executable.subarray(0, dummy.length).includes('// PAYLOAD_POSITION //')).toBe(false)
    expect(executable.includes('"node_sha256"') || executable.includes('node_sha256:')).toBe(true)
  })
})

it('the static Node.js is the one that pkg expects', () => {
  const read = (path: string) => JSON.parse(readFileSync(join(ROOT, path), 'utf8'))
  const { version, sha256: pinned } = read('build/bases.json').static
  const expected = read('node_modules/@yao-pkg/pkg-fetch/lib-es5/expected-shas.json')
  for (const [arch, digest] of Object.entries(pinned))
    expect(expected[`node-v${version}-linuxstatic-${arch}`]).toBe(digest)
})
