// The Yocto layer compared with the build: names, checksums, paths, dependencies, QA; as far as possible without bitbake.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Arch, mustBuild, noBuild, ROOT, readelf, TARGETS } from '../build/executable.ts'
import { describeUnless } from '../rig/unavailable.ts'
import { EXAMPLE, install, LAYER, OVERRIDES, RECIPE, read, SOURCES_RECIPE, variableOf, wordsOf } from './recipe.ts'

const ARCHS = Object.keys(OVERRIDES) as Arch[]
const directory = mkdtempSync(join(tmpdir(), 'gw-yocto-'))
const unpacked = join(directory, 'unpacked')
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const { writeTarballTree } = await import(join(ROOT, 'build/package/contents.mjs'))
const { writeReleasedLayer } = await import(join(ROOT, 'build/package/yocto.mjs'))
const { BASES } = (await import(join(ROOT, 'build/executable/base.mjs'))) as {
  BASES: Record<Arch, { version: string }>
}
const md5 = (text: string) => createHash('md5').update(text).digest('hex')

beforeAll(() => {
  writeFileSync(join(directory, 'executable'), '')
  const completions = { bash: '', zsh: '', fish: '' }
  const texts = { config: '{"gateway_id":"shipped"}', manual: '', completions, licences: '', sbom: '', vex: '' }
  writeTarballTree(unpacked, join(directory, 'executable'), texts, null)
})

describe('the recipe', () => {
  const shipped = {
    '/etc/gatewatch/config.json': 'gatewatch',
    '/usr/bin/gatewatch': 'gatewatch',
    '/usr/lib/systemd/system/gatewatch.service': 'gatewatch',
    '/usr/share/bash-completion/completions/gatewatch': 'gatewatch-bash-completion',
    '/usr/share/fish/vendor_completions.d/gatewatch.fish': 'gatewatch-fish-completion',
    '/usr/share/gatewatch/sbom/gatewatch.cdx.json': 'gatewatch-sbom',
    '/usr/share/gatewatch/sbom/gatewatch.vex.cdx.json': 'gatewatch-sbom',
    '/usr/share/man/man1/gatewatch.1': 'gatewatch-doc',
    '/usr/share/zsh/site-functions/_gatewatch': 'gatewatch-zsh-completion',
    ...Object.fromEntries(
      readdirSync(join(ROOT, 'systemd/drop-ins')).map((name) => [
        `/usr/share/gatewatch/drop-ins/${name}`,
        'gatewatch-drop-ins',
      ]),
    ),
  }
  const dropIns = '/usr/lib/systemd/system/gatewatch.service.d'

  it('installs each file of the tarball into a package of its own kind', () => {
    expect(install({ unpacked, image: join(directory, 'plain') })).toEqual(shipped)
    expect(md5(read(unpacked, 'LICENSE'))).toBe(/LICENSE;md5=(\w+)/.exec(variableOf('LIC_FILES_CHKSUM') ?? '')?.[1])
  })

  it('adds access to the journal only with PACKAGECONFIG, which then requires the systemd that has the group', () => {
    const image = join(directory, 'journal')
    const files = install({ unpacked, image, packageConfig: 'journal' })
    expect(files).toEqual({ ...shipped, [`${dropIns}/journal.conf`]: 'gatewatch' })
    expect(read(image, dropIns, 'journal.conf')).toMatch(/^\[Service\]\nSupplementaryGroups=systemd-journal$/m)
    expect(variableOf('PACKAGECONFIG[journal]')).toBe(',,,systemd')
    expect(RECIPE).toMatch(/^PACKAGECONFIG \?\?= ""$/m)
  })

  it("moves the counters to a data partition with the example's bbappend, whatever the configuration contains", () => {
    const image = join(directory, 'moved')
    const files = join(directory, 'files')
    mkdirSync(files)
    writeFileSync(join(files, 'config.json'), '{"persistence_file":"/var/lib/gatewatch/state.ring"}')
    expect(EXAMPLE).toContain('\nSRC_URI += "file://config.json"\n')
    expect(install({ unpacked, image, append: EXAMPLE, files })).toEqual({
      ...shipped,
      [`${dropIns}/state.conf`]: 'gatewatch',
      '/usr/lib/tmpfiles.d/gatewatch.conf': 'gatewatch',
    })
    expect(read(image, 'usr/lib/tmpfiles.d/gatewatch.conf')).toBe('d /data/gatewatch 0750 gatewatch gatewatch -\n')
    const dropIn = read(image, dropIns, 'state.conf')
    expect(dropIn).toMatch(/^\[Unit\]\nRequiresMountsFor=\/data\/gatewatch$/m)
    expect(dropIn).toMatch(/^ReadWritePaths=\/data\/gatewatch\nNoExecPaths=\/data\/gatewatch$/m)
    const [, key = '', value] = /^Environment=(\w+)=(.*)$/m.exec(dropIn) ?? []
    const config = join(image, 'etc/gatewatch/config.json')
    mustBuild({}, '--target', 'script')
    const args = [join(ROOT, 'dist/gatewatch.cjs'), 'check-config', config, '--json']
    const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', env: { [key]: value } })
    expect(stdout).toMatch(/"persistence_file":\s*\{[^}]*"\/data\/gatewatch\/state\.ring"/)
  })

  it('does not strip the executable, keeps the configuration, and creates a user without a fixed id', () => {
    for (const key of ['INHIBIT_PACKAGE_STRIP', 'INHIBIT_SYSROOT_STRIP', 'INHIBIT_PACKAGE_DEBUG_SPLIT'])
      expect(variableOf(key)).toBe('1')
    expect(variableOf('CONFFILES:<PN>')).toBe('<sysconfdir>/gatewatch/config.json')
    expect(variableOf('USERADD_PARAM:<PN>')).not.toMatch(/--uid|--gid \d/)
    expect(variableOf('SYSTEMD_SERVICE:<PN>')).toBe('gatewatch.service')
    expect(read(ROOT, 'systemd/gatewatch.service')).toMatch(/^ExecStart=\/usr\/bin\/gatewatch run$/m)
    expect(RECIPE).not.toMatch(/pkg_(postinst|prerm)/)
  })

  it('recommends a broker only where a layer provides one', () => {
    const group = read(LAYER, 'recipes-gatewatch/packagegroups/packagegroup-gatewatch.bb')
    const guarded = `\${@bb.utils.contains('BBFILE_COLLECTIONS', 'networking-layer', 'mosquitto', '', d)}`
    for (const text of [group, read(LAYER, 'recipes-gatewatch/gatewatch/gatewatch.inc')])
      expect(text.match(/^RRECOMMENDS.*$/gm)).toEqual([`RRECOMMENDS:\${PN} = "${guarded}"`])
  })
})

describe.each(ARCHS)('the recipe for %s', (arch) => {
  const override = OVERRIDES[arch]

  it('contains the name, the checksums and the libraries of the tarball', () => {
    expect(RECIPE).toContain(
      `SRC_URI:append:${override} = " <GATEWATCH_RELEASES>/gatewatch-<PV>-linux-${arch}.tar.xz;name=${arch}"\n`,
    )
    expect(variableOf(`GATEWATCH_ARCH:${override}`)).toBe(arch)
    expect(variableOf(`SRC_URI[${arch}.sha256sum]`, SOURCES_RECIPE)).toMatch(/^[0-9a-f]{64}$/)
    expect(variableOf(`GATEWATCH_LICENSES_MD5:${override}`, SOURCES_RECIPE)).toMatch(/^[0-9a-f]{32}$/)
    expect(variableOf(`GATEWATCH_NODE_VERSION:${override}`, SOURCES_RECIPE)).toBe(BASES[arch].version)
    const packageOf: Record<string, string> = {
      'libstdc++.so.6': 'libstdc++',
      'libgcc_s.so.1': 'libgcc',
      'libatomic.so.1': 'libatomic',
    }
    const needed = TARGETS[arch].needed.flatMap((library) => packageOf[library] ?? [])
    expect(wordsOf('RDEPENDS:<PN>', override).sort()).toEqual(needed.sort())
  })
})

describeUnless(noBuild(), "OE-core's checks of an executable", () => {
  beforeAll(() => mustBuild({}), 900_000)

  it.each(ARCHS)('%s: are skipped only where readelf finds the reason, and nowhere else', (arch) => {
    const file = join(ROOT, `dist/gatewatch-linux-${arch}`)
    const dynamic = readelf('-d', file)
    const checks = {
      'already-stripped': !/\.symtab\b/.test(readelf('-S', file)),
      ldflags: /\(SYMTAB\)/.test(dynamic) && !/\(GNU_HASH\)/.test(dynamic),
      textrel: /TEXTREL/.test(dynamic),
      rpaths: /\((RPATH|RUNPATH)\)/.test(dynamic),
    }
    const failing = Object.entries(checks).flatMap(([name, fails]) => (fails ? [name] : []))
    expect(wordsOf('INSANE_SKIP:<PN>', OVERRIDES[arch]).sort()).toEqual(failing.sort())
  })

  it('name the licence of each package inside', () => {
    const { packages } = JSON.parse(read(ROOT, 'package-lock.json'))
    const info = JSON.parse(read(ROOT, 'dist/.gatewatch-linux-arm64.json'))
    const licences = info.packages.map((home: string) => packages[home].license.replace('/X11', ''))
    expect((variableOf('LICENSE') ?? '').split(' & ')).toEqual(expect.arrayContaining(licences))
  })
})

it('the layer of a release has its version, checksums, licences and versions of Node.js', () => {
  const layer = join(directory, 'layer')
  const released = ARCHS.map((arch) => {
    const name = `gatewatch-9.8.7-linux-${arch}`
    mkdirSync(join(directory, name))
    writeFileSync(join(directory, name, 'LICENSES.txt'), `licences of ${arch}`)
    const tarball = join(directory, `${name}.tar.xz`)
    expect(spawnSync('tar', ['-cJf', tarball, '-C', directory, name]).status).toBe(0)
    return { arch, tarball, node: `${arch.length}.99.0` }
  })
  writeReleasedLayer(layer, '9.8.7', released)
  expect(readdirSync(join(layer, 'recipes-gatewatch/gatewatch')).sort()).toEqual([
    'gatewatch.inc',
    'gatewatch_9.8.7.bb',
  ])
  const text = read(layer, 'recipes-gatewatch/gatewatch/gatewatch_9.8.7.bb')
  for (const { arch, tarball, node } of released) {
    const sha256 = createHash('sha256').update(readFileSync(tarball)).digest('hex')
    expect(variableOf(`SRC_URI[${arch}.sha256sum]`, text)).toBe(sha256)
    expect(variableOf(`GATEWATCH_LICENSES_MD5:${OVERRIDES[arch]}`, text)).toBe(md5(`licences of ${arch}`))
    expect(variableOf(`GATEWATCH_NODE_VERSION:${OVERRIDES[arch]}`, text)).toBe(node)
  }
})

it('the layer is compatible with both series, and has the files and the README.md that yocto-check-layer requires', () => {
  const conf = read(LAYER, 'conf/layer.conf')
  expect(variableOf('LAYERSERIES_COMPAT_gatewatch', conf)).toBe('scarthgap wrynose')
  expect(variableOf('LAYERDEPENDS_gatewatch', conf)).toBe('core')
  expect(variableOf('LAYERRECOMMENDS_gatewatch', conf)).toBe('networking-layer')
  expect(conf).toMatch(/^UNPACKDIR \?\?= "\$\{WORKDIR\}"$/m)
  expect(readdirSync(LAYER)).toEqual(expect.arrayContaining(['COPYING.MIT', 'README.md', 'SECURITY.md']))
  expect(read(LAYER, 'COPYING.MIT')).toBe(read(ROOT, 'LICENSE'))
  const readme = read(LAYER, 'README.md')
  expect(readme).toMatch(/^Maintainers: .+<[^@\s]+@[^@\s]+>/m)
  expect(readme).toMatch(/patches/)
  expect(readme.trimEnd().split('\n').length).toBeLessThanOrEqual(60)
})
