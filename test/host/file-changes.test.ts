// When the files of a unit changed, with real files.
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createFileChanges } from '../../src/host/file-changes.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'

function rig() {
  const directory = temporaryDirectory()
  onTestFinished(() => removeDirectory(directory))
  return { directory, binary: join(directory, 'app'), changes: createFileChanges() }
}

test('a replaced binary is found even if its modification time is old', async () => {
  const { binary, directory, changes } = rig()
  writeFileSync(join(directory, 'new'), 'x')
  utimesSync(join(directory, 'new'), 1000, 1000)
  renameSync(join(directory, 'new'), binary)
  const crashAtMs = Date.now() + 60_000
  const ago = await changes.look('a.service', [binary], crashAtMs, 0)
  expect(ago).toBeGreaterThanOrEqual(59_000)
  expect(ago).toBeLessThan(90_000)
  expect(changes.known('a.service', crashAtMs)).toBe(ago)
})

test('the newest change of all files counts, and a link that was changed to another target', async () => {
  const { binary, directory, changes } = rig()
  mkdirSync(join(directory, 'v1'))
  writeFileSync(join(directory, 'v1/app'), 'x')
  await new Promise((resolve) => setTimeout(resolve, 50))
  const before = Date.now()
  symlinkSync(join(directory, 'v1/app'), binary)
  const later = before + 3_600_000
  expect(await changes.look('a.service', [join(directory, 'v1/app'), binary], later, 0)).toBeLessThanOrEqual(3_600_020)
})

test('a change after the crash, a change more than a day before, and missing files prove nothing', async () => {
  const { binary, changes } = rig()
  writeFileSync(binary, 'x')
  expect(await changes.look('a.service', [binary], Date.now() - 60_000, 0)).toBeUndefined()
  expect(await changes.look('b.service', [binary], Date.now() + 25 * 3_600_000, 0)).toBeUndefined()
  expect(await changes.look('c.service', ['/nowhere/app'], Date.now(), 0)).toBeUndefined()
})

test('in a crash loop the files are looked at once in ten seconds', async () => {
  const { binary, changes } = rig()
  writeFileSync(binary, 'x')
  const atMs = Date.now() + 1000
  const first = await changes.look('a.service', [binary], atMs, 0)
  rmSync(binary)
  expect(await changes.look('a.service', [binary], atMs, 9_000)).toBe(first)
  expect(await changes.look('a.service', [binary], atMs, 10_000)).toBeUndefined()
})

test('a change of permissions is a change', async () => {
  const { binary, changes } = rig()
  writeFileSync(binary, 'x')
  utimesSync(binary, 1000, 1000)
  chmodSync(binary, 0o600)
  expect(await changes.look('a.service', [binary], Date.now() + 5000, 0)).toBeLessThan(60_000)
})
