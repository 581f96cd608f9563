// The packages of a release: each contains its executable unchanged, and declares its dependencies. (For x64 see install.test.ts.)
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { OVERRIDES, variableOf } from '../yocto/recipe.ts'
import { lintian, mustBuild, noBuild, ROOT, TARGETS } from './executable.ts'
import { VERSION } from './gateway-root.ts'

const { writeSums } = await import(join(ROOT, 'build/package/sums.mjs'))
const ARM = ['arm64', 'armv7'] as const

describeUnless(noBuild() ?? missingPrograms('dpkg-deb', 'openssl', 'sha256sum'), 'a release', () => {
  const directory = mkdtempSync(join(tmpdir(), 'gw-release-'))
  const runHere = (command: string) => {
    const options = { cwd: directory, encoding: 'utf8', maxBuffer: 1e9 } as const
    const { status, stdout, stderr } = spawnSync('bash', ['-ec', command], options)
    if (status !== 0) throw new Error(`${command}: ${status}\n${stdout}${stderr}`)
    return stdout
  }
  const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')
  const pack = (...args: string[]) =>
    runHere(
      `cd ${ROOT} && flock dist node --import tsx build/package.mjs --from dist --target arm64 --target armv7 --level 0 --out ${directory} ${args.join(' ')}`,
    )

  beforeAll(() => {
    mustBuild({})
    runHere(
      'openssl genpkey -algorithm ed25519 -out release.pem && openssl pkey -in release.pem -pubout -out release.pub',
    )
    // A small one, because packing takes long: only the layer refers to it.
    const name = `gatewatch-${VERSION}-linux-x64`
    runHere(`mkdir ${name} && echo licences > ${name}/LICENSES.txt && tar -cJf ${name}.tar.xz ${name}`)
    pack('--sign', join(directory, 'release.pem'))
  }, 900_000)
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  describe.each(ARM)('%s', (arch) => {
    const executable = join(ROOT, `dist/gatewatch-linux-${arch}`)

    it('has a Debian package of its architecture that contains the executable unchanged', () => {
      const deb = `gatewatch_${VERSION}_${TARGETS[arch].deb}.deb`
      const field = (name: string) => runHere(`dpkg-deb -f ${deb} ${name}`).trim()
      expect(field('Architecture')).toBe(TARGETS[arch].deb)
      const packageOf: Record<string, string> = {
        'libstdc++.so.6': 'libstdc++6',
        'libgcc_s.so.1': 'libgcc-s1',
        'libatomic.so.1': 'libatomic1',
      }
      const depends = field('Depends')
        .split(', ')
        .map((one) => one.split(' ')[0])
      const libraries = TARGETS[arch].needed.flatMap((library) => packageOf[library] ?? [])
      expect(depends.filter((name) => /^lib(?!c6)/.test(name ?? '')).sort()).toEqual(libraries.sort())
      expect(runHere(`dpkg-deb --fsys-tarfile ${deb} | tar -xO ./usr/bin/gatewatch | sha256sum`).slice(0, 64)).toBe(
        sha256(executable),
      )
    })

    describeUnless(missingPrograms('lintian'), 'the Debian package', () => {
      it('has nothing that lintian reports', { timeout: 300_000 }, () => {
        expect(lintian(join(directory, `gatewatch_${VERSION}_${TARGETS[arch].deb}.deb`))).toBe('')
      })
    })

    it('has a tarball with correct checksums of all its files that contains the executable unchanged', () => {
      const name = `gatewatch-${VERSION}-linux-${arch}`
      const checked = runHere(`tar -xf ${name}.tar.xz && cd ${name} && sha256sum --strict -c SHA256SUMS`)
      const files = runHere(`cd ${name} && find * -type f ! -name 'SHA256SUMS*'`)
      expect(checked.replaceAll(': OK', '').split('\n').sort()).toEqual(files.split('\n').sort())
      expect(files).toContain('drop-ins/journal.conf\n')
      expect(sha256(join(directory, name, 'gatewatch'))).toBe(sha256(executable))
    })
  })

  it('has a Yocto layer with the checksums of these tarballs', () => {
    runHere(`tar -xf meta-gatewatch-${VERSION}.tar.xz`)
    const recipe = `meta-gatewatch/recipes-gatewatch/gatewatch/gatewatch_${VERSION}.bb`
    const text = readFileSync(join(directory, recipe), 'utf8')
    const md5 = (path: string) => createHash('md5').update(readFileSync(path)).digest('hex')
    for (const arch of [...ARM, 'x64'] as const) {
      const name = `gatewatch-${VERSION}-linux-${arch}`
      expect(variableOf(`SRC_URI[${arch}.sha256sum]`, text)).toBe(sha256(join(directory, `${name}.tar.xz`)))
      runHere(`tar -xf ${name}.tar.xz ${name}/LICENSES.txt`)
      expect(variableOf(`GATEWATCH_LICENSES_MD5:${OVERRIDES[arch]}`, text)).toBe(
        md5(join(directory, name, 'LICENSES.txt')),
      )
    }
  })

  it('has checksums of all files, with a signature that openssl can verify', () => {
    expect(runHere('sha256sum --strict -c SHA256SUMS').trim().split('\n')).toHaveLength(14)
    const verify = 'openssl pkeyutl -verify -pubin -inkey release.pub -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig'
    expect(runHere(verify)).toBe('Signature Verified Successfully\n')
    runHere('echo >> SHA256SUMS')
    expect(() => runHere(verify)).toThrow('Signature Verification Failure')
    writeSums(directory, [], null)
    expect(existsSync(join(directory, 'SHA256SUMS.sig'))).toBe(false)
  })

  it('is refused with a Node.js past its end of life that was not allowed when it was built in', () => {
    expect(() => pack('--release', '--allow-end-of-life', '--allow-unsigned')).toThrow(
      /package: --release: armv7 contains Node 20\.11\.0, past its end of life \(2026-04-30\); pass a supported Node/,
    )
  })

  it('is not signed with a key of another type', () => {
    runHere('openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec.pem')
    expect(() => pack('--sign', join(directory, 'ec.pem'))).toThrow(
      /package: --sign .*ec\.pem: the key must be of type ed25519, not ec\n/,
    )
  })
})
