// The full evidence of recent crashes outlives the agent, not the boot, and has a bound.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createEvidenceKeeper } from '../../src/store/kept-evidence.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'

function rig() {
  const directory = temporaryDirectory()
  onTestFinished(() => removeDirectory(directory))
  const logged: string[] = []
  const log = (_: string, message: string) => void logged.push(message)
  const open = (stream = 's1', where: string | null = directory) =>
    createEvidenceKeeper({ directory: where, stream, log })
  return { directory, open, logged }
}

test('what was added is there for the next agent, even if this one is killed; late evidence merged', () => {
  const { directory, open } = rig()
  const first = open()
  first.add(1, { ranMs: 5, memory: { limit: 9 } })
  first.add(1, { memory: { peak: 8 }, signature: 'aaaaaaaaaaaa' })
  first.add(2, { ranMs: 6 })
  const next = open()
  next.add(3, { ranMs: 7 })
  expect([...next.all()]).toEqual([
    [1, { ranMs: 5, memory: { limit: 9, peak: 8 }, signature: 'aaaaaaaaaaaa' }],
    [2, { ranMs: 6 }],
    [3, { ranMs: 7 }],
  ])
  expect(statSync(join(directory, 'evidence-s1')).mode & 0o777).toBe(0o600)
  expect([...open().all().keys()]).toEqual([1, 2, 3])
  expect([...open('s2').all()]).toEqual([])
})

test('a line that was cut off, or is damaged, is skipped', () => {
  const { directory, open } = rig()
  const first = open()
  first.add(1, { ranMs: 5 })
  appendFileSync(join(directory, 'evidence-s1'), 'null\n[2,5]\n{"a":1}\n[3,{"ranMs":')
  expect([...open().all().keys()]).toEqual([1])
})

test('memory and the file stay within their bounds; the newest evidence is kept', () => {
  const { directory, open } = rig()
  const keeper = open()
  for (let seq = 1; seq <= 1000; seq++) {
    keeper.add(seq, { statusText: `${seq} ${'x'.repeat(1000)}` })
  }
  const seqs = [...keeper.all().keys()]
  expect(seqs.length).toBeGreaterThan(100)
  expect(seqs.length).toBeLessThan(130)
  expect(seqs.at(-1)).toBe(1000)
  expect(statSync(join(directory, 'evidence-s1')).size).toBeLessThan(2 * 131_072 + 2_000)
  expect([...open().all().keys()]).toEqual(seqs)
})

test('nothing is left after it is cleared', () => {
  const { directory, open } = rig()
  const keeper = open()
  keeper.add(1, { statusText: 'secret' })
  keeper.add(2, { statusText: 'secret' })
  keeper.clear()
  expect([...keeper.all()]).toEqual([])
  expect(readdirSync(directory)).toEqual([])
  keeper.add(3, { ranMs: 1 })
  expect(readFileSync(join(directory, 'evidence-s1'), 'utf8')).toBe('[3,{"ranMs":1}]\n')
})

test('a directory that cannot be written is logged once, and evidence is kept in memory', () => {
  const { directory, open, logged } = rig()
  mkdirSync(join(directory, 'evidence-s1'))
  const keeper = open()
  for (const seq of [1, 2]) {
    keeper.add(seq, { ranMs: 5 })
  }
  expect([...keeper.all().keys()]).toEqual([1, 2])
  expect(logged).toEqual([expect.stringMatching(/^cannot keep the evidence of crashes for the next start: EISDIR/)])
  const nowhere = open('s1', null)
  nowhere.add(1, { ranMs: 5 })
  expect([...nowhere.all().keys()]).toEqual([1])
})
