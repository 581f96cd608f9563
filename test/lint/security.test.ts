// SECURITY.md: what it refers to exists, and its support period is that of the pinned Node.js.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { KEY_NAMES } from '../../src/config/keys.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const text = readFileSync(join(ROOT, 'SECURITY.md'), 'utf8')
const quoted = [...text.matchAll(/`([^`\n]+)`/g)].map(([, word]) => word ?? '')

test('the files in it exist', () => {
  const links = [...text.matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path ?? '')
  const paths = [...quoted.filter((word) => /^(test|deploy|systemd|src|build)\/\S+$/.test(word)), ...links]
  expect(paths.length).toBeGreaterThan(30)
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})

test('each "cannot" names a test', () => {
  const rows = text.split('\n').filter((line) => line.startsWith('| ') && !/^\| (it|they) cannot /.test(line))
  expect(rows.length).toBeGreaterThan(20)
  expect(rows.filter((row) => !/\| `test\/\S+\.test\.ts`(, `test\/\S+\.test\.ts`)* \|$/.test(row))).toEqual([])
})

test('the configuration keys in it exist', () => {
  const keys = quoted.filter((word) => /^(mqtt|control)\.\w+$/.test(word) || /_(file|enabled|lines|units)$/.test(word))
  expect(keys.length).toBeGreaterThan(5)
  expect(keys.filter((key) => !(KEY_NAMES as readonly string[]).includes(key))).toEqual([])
})

test('its support period is that of the Node.js in the executables', () => {
  const { bases, support_ends: ends } = JSON.parse(readFileSync(join(ROOT, 'build/bases.json'), 'utf8'))
  const endOf = (arch: string) => ends[bases[arch].version.split('.')[0]]
  expect(text.replace(/\s+/g, ' ')).toContain(`those for x64 and arm64 until ${endOf('x64')}.`)
  expect(endOf('arm64')).toBe(endOf('x64'))
  expect(text).toContain(`past its end of life since ${endOf('armv7')}`)
})

test('its exposure level is not above the one that is enforced', () => {
  const unit = readFileSync(join(ROOT, 'test/e2e/unit-file.test.ts'), 'utf8')
  const stated = Number(/security`: (\d\.\d)/.exec(text.replace(/\n/g, ' '))?.[1])
  expect(stated).toBeLessThanOrEqual(Number(/--threshold=(\d+)/.exec(unit)?.[1]) / 10)
})
