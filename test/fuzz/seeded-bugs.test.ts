// Each target finds a bug: one check of the code is broken in memory. `npm run fuzz -- --seeded-bugs` tries all of the list.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runTarget } from './run-target.ts'
import { SEEDED_BUGS } from './seeded-bugs.ts'
import { TARGETS } from './target-names.ts'

const SECONDS = 60 // far more than on a quiet machine, where each is found within a few

test('the code of each check occurs exactly once in its file, and each target has a bug', () => {
  for (const { broken, file, from, to } of SEEDED_BUGS) {
    const text = readFileSync(join(import.meta.dirname, '../../src', file), 'utf8')
    expect(`${broken}: ${text.split(from).length - 1}`).toBe(`${broken}: 1`)
    expect(text.replace(from, () => to)).not.toBe(text)
  }
  expect(new Set(SEEDED_BUGS.map(({ target }) => target))).toEqual(new Set(TARGETS))
})

const firstOfEach = TARGETS.map((target) => SEEDED_BUGS.find((bug) => bug.target === target))

test.each(firstOfEach.flatMap((bug) => bug ?? []))(
  '$target finds that this no longer holds: $broken',
  async (bug) => {
    const { crash } = await runTarget(bug.target, { kind: 'try', seed: 1, seconds: SECONDS }, { bug })
    expect(crash).not.toBe(null)
  },
  180_000,
)
