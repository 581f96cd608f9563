// Reproducible tarballs and Debian packages: their bytes depend on the content, not on when, where or by whom they are packed.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { ROOT } from './executable.ts'

const { deb, tarXz } = await import(join(ROOT, 'build/package/archive.mjs'))
const { sourceDateEpoch } = await import(join(ROOT, 'build/package/epoch.mjs'))
const OPTIONS = { epoch: 1_700_000_000, level: '6' }

describeUnless(missingPrograms('tar', 'xz', 'dpkg-deb'), 'a reproducible archive', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gw-archive-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  /** The same content, written in a different order, with different times and permissions. */
  const tree = (name: string, order: readonly string[], mode: number) => {
    const root = join(directory, name, 'gatewatch-1')
    for (const file of order) {
      mkdirSync(join(root, 'DEBIAN'), { recursive: true })
      writeFileSync(join(root, file), file === 'DEBIAN/control' ? CONTROL : file)
      chmodSync(join(root, file), file === 'program' ? 0o755 : mode)
      utimesSync(join(root, file), mode, mode)
    }
    return root
  }

  it('has the same bytes when packed from another directory', () => {
    const files = ['DEBIAN/control', 'b', 'a', 'program']
    const one = tree('one', files, 0o600)
    const two = tree('two', files.toReversed(), 0o664)
    for (const [pack, from] of [
      ['1', one],
      ['2', two],
    ] as const) {
      tarXz(join(from, '..'), 'gatewatch-1', join(directory, `${pack}.tar.xz`), OPTIONS)
      deb(from, join(directory, `${pack}.deb`), OPTIONS)
    }
    for (const kind of ['tar.xz', 'deb'])
      expect(readFileSync(join(directory, `1.${kind}`)).equals(readFileSync(join(directory, `2.${kind}`)))).toBe(true)
    const { stdout } = spawnSync('tar', ['-tvf', join(directory, '1.tar.xz')], { encoding: 'utf8', env: { TZ: 'UTC' } })
    expect(stdout).toMatch(/^-rwxr-xr-x root\/root +7 2023-11-14 22:13 gatewatch-1\/program$/m)
    expect(stdout).toMatch(/^-rw-r--r-- root\/root +1 2023-11-14 22:13 gatewatch-1\/a$/m)
  })

  it('is dated SOURCE_DATE_EPOCH', () => {
    const before = process.env['SOURCE_DATE_EPOCH']
    try {
      process.env['SOURCE_DATE_EPOCH'] = '1700000000'
      expect(sourceDateEpoch()).toBe(1_700_000_000)
      process.env['SOURCE_DATE_EPOCH'] = 'yesterday'
      expect(sourceDateEpoch).toThrow("SOURCE_DATE_EPOCH must be a number of seconds, not 'yesterday'")
    } finally {
      if (before === undefined) delete process.env['SOURCE_DATE_EPOCH']
      else process.env['SOURCE_DATE_EPOCH'] = before
    }
  })
})

const CONTROL = `Package: p
Version: 1
Architecture: all
Maintainer: m <m@example.org>
Description: d
`
