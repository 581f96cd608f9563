// The table of configuration keys: every row is complete.
import { expect, test } from 'vitest'
import { KEY_NAMES, rowOf, valueAt } from '../../src/config/keys.ts'
import { loadText } from './load-text.ts'

test('every key has a value', async () => {
  const { config } = await loadText(null)
  for (const key of KEY_NAMES) expect(valueAt(config, key), key).not.toBe(undefined)
})

test.each(KEY_NAMES)('%s states when a change takes effect, and its help is made of whole sentences', (key) => {
  const { applies, help } = rowOf(key)
  expect(['now', 'restart']).toContain(applies)
  expect(help).toMatch(/^[A-Z].*\.$/)
})
