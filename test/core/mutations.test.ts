// The list of broken rules fits the core as it is: `npm run mutants` breaks them one by one.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { MUTATIONS } from './mutations/all.ts'

test('each rule of the list is found at one place of the core, and is another one when broken', () => {
  for (const { rule, file, from, to } of MUTATIONS) {
    const text = readFileSync(join(import.meta.dirname, '../../src/core', file), 'utf8')
    expect(`${rule}: ${text.split(from).length - 1}`).toBe(`${rule}: 1`)
    expect(text.replace(from, () => to)).not.toBe(text)
  }
})
