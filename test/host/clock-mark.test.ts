// The watch for systemd's mark of a synchronised clock, in real directories.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { clockSyncedAtStart, watchClockMark } from '../../src/host/clock-mark.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'

let root = ''
let end = () => {}
let found = 0
beforeEach(() => {
  root = temporaryDirectory()
  found = 0
})
afterEach(() => {
  end()
  removeDirectory(root)
})

const directory = () => join(root, 'systemd/timesync')
const mark = () => join(directory(), 'synchronized')
const watching = () => {
  end = watchClockMark(() => {
    found += 1
  }, mark())
}
const turn = () => new Promise((resolve) => setTimeout(resolve, 20))

test('a mark that exists is found at once', () => {
  mkdirSync(directory(), { recursive: true })
  writeFileSync(mark(), '')
  watching()
  expect(found).toBe(1)
})

test('a mark is found when it appears, and so are the directories above it', async () => {
  watching()
  for (const path of [join(root, 'systemd'), directory()]) {
    mkdirSync(path)
    await turn()
  }
  expect(found).toBe(0)
  writeFileSync(mark(), '')
  await until(() => found === 1, { what: 'the mark to be found' })
})

test('directories and the mark that appear at the same time are found', async () => {
  watching()
  mkdirSync(directory(), { recursive: true })
  writeFileSync(mark(), '')
  await until(() => found === 1, { what: 'the mark to be found' })
})

test('a directory that was removed and created again, as when systemd-timesyncd restarts, is watched again', async () => {
  mkdirSync(directory(), { recursive: true })
  watching()
  rmSync(directory(), { recursive: true })
  await turn()
  mkdirSync(directory())
  await turn()
  writeFileSync(mark(), '')
  await until(() => found === 1, { what: 'the mark to be found' })
})

test('after the end of the watch nothing is found', async () => {
  mkdirSync(directory(), { recursive: true })
  watching()
  end()
  writeFileSync(mark(), '')
  await turn()
  expect(found).toBe(0)
})

test('at the start, a clock from before this program existed is known to be wrong; else only the mark proves anything', () => {
  expect(clockSyncedAtStart(60_000, mark())).toBe(false)
  expect(clockSyncedAtStart(Date.UTC(2024, 11, 31), mark())).toBe(false)
  expect(clockSyncedAtStart(Date.UTC(2026, 10, 30), mark())).toBeNull()
  mkdirSync(directory(), { recursive: true })
  writeFileSync(mark(), '')
  expect(clockSyncedAtStart(Date.UTC(2026, 10, 30), mark())).toBe(true)
})
