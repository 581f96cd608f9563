// The Yocto layer compared with the build: names, checksums, paths, dependencies; as far as possible without bitbake.
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { type Arch, ROOT, TARGETS } from './executable.ts'
import { VERSION } from './gateway-root.ts'

const LAYER = join(ROOT, 'yocto/meta-gatewatch')
const RECIPES = join(LAYER, 'recipes-gatewatch/gatewatch')
const read = (...path: string[]) => readFileSync(join(...path), 'utf8')
/** With `${PN}` replaced by `<PN>`. */
const recipe = read(RECIPES, 'gatewatch.inc').replace(/\$\{(\w+)\}/g, '<$1>')
const release = read(RECIPES, `gatewatch_${VERSION}.bb`)
/** The value of a variable in the recipe. */
const value = (key: string, text = recipe) =>
  text
    .split('\n')
    .find((line) => new RegExp(`^${key.replace(/[[\]$.{}]/g, '\\$&')} (\\?|\\+)?= `).test(line))
    ?.replace(/^[^"]*"(.*)"$/, '$1')

const directory = mkdtempSync(join(tmpdir(), 'gw-yocto-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const { writeTarballTree } = await import(join(ROOT, 'build/package/contents.mjs'))
const { writeReleasedLayer } = await import(join(ROOT, 'build/package/yocto.mjs'))
const { BASES } = (await import(join(ROOT, 'build/executable/base.mjs'))) as {
  BASES: Record<Arch, { version: string }>
}

it('installs only files that the tarball contains', () => {
  writeFileSync(join(directory, 'executable'), '')
  const unpacked = join(directory, 'unpacked')
  const completions = { bash: '', zsh: '', fish: '' }
  const texts = { config: '', manual: '', completions, licences: '', sbom: '', vex: '' }
  writeTarballTree(unpacked, join(directory, 'executable'), texts, null)
  const used = [...recipe.matchAll(/<S>\/([\w.-]+)/g)].map((found) => found[1])
  expect(used).toEqual(['gatewatch', 'gatewatch.service', 'config.json'])
  expect(readdirSync(unpacked)).toEqual(expect.arrayContaining(used))
  expect(createHash('md5').update(read(unpacked, 'LICENSE')).digest('hex')).toBe(
    /LICENSE;md5=(\w+)/.exec(value('LIC_FILES_CHKSUM') ?? '')?.[1],
  )
})

it.each([
  ['arm64', 'aarch64'],
  ['armv7', 'arm'],
] as const)('contains the name, the checksum and the libraries of the tarball for %s', (arch, override) => {
  expect(recipe).toContain(
    `SRC_URI:append:${override} = " <GATEWATCH_RELEASES>/gatewatch-<PV>-linux-${arch}.tar.xz;name=${arch}"\n`,
  )
  expect(value(`GATEWATCH_ARCH:${override}`)).toBe(arch)
  expect(value(`SRC_URI[${arch}.sha256sum]`, release)).toMatch(/^[0-9a-f]{64}$/)
  expect(value(`GATEWATCH_NODE_VERSION:${override}`, release)).toBe(BASES[arch].version)
  const depends = `${value('RDEPENDS:<PN>')} ${arch === 'armv7' ? 'libatomic' : ''}`.trim().split(' ')
  const packageOf: Record<string, string> = {
    'libstdc++.so.6': 'libstdc++',
    'libgcc_s.so.1': 'libgcc',
    'libatomic.so.1': 'libatomic',
  }
  const needed = TARGETS[arch].needed.flatMap((library) => packageOf[library] ?? [])
  expect(depends.sort()).toEqual(needed.sort())
  expect(recipe).toContain('RDEPENDS:<PN>:append:arm = " libatomic"\n')
})

it('is filled in by the release', () => {
  const layer = join(directory, 'layer')
  const released = [
    { arch: 'arm64', sha256: 'a'.repeat(64), node: '24.99.0' },
    { arch: 'armv7', sha256: 'b'.repeat(64), node: '22.99.0' },
  ]
  writeReleasedLayer(layer, '9.8.7', released)
  expect(readdirSync(join(layer, 'recipes-gatewatch/gatewatch')).sort()).toEqual([
    'gatewatch.inc',
    'gatewatch_9.8.7.bb',
  ])
  const text = read(layer, 'recipes-gatewatch/gatewatch/gatewatch_9.8.7.bb')
  expect(value('SRC_URI[arm64.sha256sum]', text)).toBe('a'.repeat(64))
  expect(value('SRC_URI[armv7.sha256sum]', text)).toBe('b'.repeat(64))
  expect(value('GATEWATCH_NODE_VERSION:arm', text)).toBe('22.99.0')
})

it('does not strip the executable, keeps the configuration, and creates a user without a fixed id', () => {
  for (const key of ['INHIBIT_PACKAGE_STRIP', 'INHIBIT_SYSROOT_STRIP', 'INHIBIT_PACKAGE_DEBUG_SPLIT'])
    expect(value(key)).toBe('1')
  expect(value('INSANE_SKIP:<PN>')).toBe('already-stripped')
  expect(value('CONFFILES:<PN>')).toBe('<sysconfdir>/gatewatch/config.json')
  expect(value('USERADD_PARAM:<PN>')).not.toMatch(/--uid|--gid \d/)
  expect(value('SYSTEMD_SERVICE:<PN>')).toBe('gatewatch.service')
  expect(read(ROOT, 'systemd/gatewatch.service')).toMatch(/^ExecStart=\/usr\/bin\/gatewatch run$/m)
  expect(recipe).not.toMatch(/pkg_(postinst|prerm)/)
})

it('is compatible with both series, and contains the required files of a layer', () => {
  const conf = read(LAYER, 'conf/layer.conf')
  expect(value('LAYERSERIES_COMPAT_gatewatch', conf)).toBe('scarthgap wrynose')
  expect(value('LAYERDEPENDS_gatewatch', conf)).toBe('core')
  expect(conf).toMatch(/^UNPACKDIR \?\?= "\$\{WORKDIR\}"$/m)
  expect(readdirSync(LAYER)).toEqual(expect.arrayContaining(['COPYING.MIT', 'README.md', 'SECURITY.md']))
  expect(read(LAYER, 'COPYING.MIT')).toBe(read(ROOT, 'LICENSE'))
})
