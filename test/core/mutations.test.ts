// Checks that the list of rules for `npm run mutants`, which breaks them one by one, fits the current code of the core.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MUTATIONS } from './mutations/all.ts'

test('the code of each rule occurs exactly once in its file, and differs from its broken version', () => {
  for (const { rule, file, from, to } of MUTATIONS) {
    const text = readFileSync(join(import.meta.dirname, '../../src/core', file), 'utf8')
    expect(`${rule}: ${text.split(from).length - 1}`).toBe(`${rule}: 1`)
    expect(text.replace(from, () => to)).not.toBe(text)
  }
})
