// Any content of a configuration file or a service_states.json: read, or refused with a message; never an exception.
import fc from 'fast-check'
import * as v from 'valibot'
import { expect, test } from 'vitest'
import { configText } from '../../src/cli/commands/create-config.ts'
import { KEY_NAMES, rowOf, valueAt } from '../../src/config/keys.ts'
import { parseLegacyCounters } from '../../src/config/legacy-counters.ts'
import { loadConfig } from '../../src/config/load.ts'
import { SYSTEM_PATHS } from '../../src/config/paths.ts'

const NOTHING = { overrides: new Map(), notes: [], configFile: '/c', user: false }

/** For any text, each effective value is valid for its type, and each problem is one line. */
async function checkText(text: string): Promise<void> {
  const loaded = await loadConfig(NOTHING, { env: {}, uid: 0, readText: () => text })
  for (const { text: line } of loaded.problems) expect(line).toMatch(/^[^\n]+$/)
  for (const key of KEY_NAMES) {
    expect(v.safeParse(rowOf(key).type.schema, valueAt(loaded.config, key)).success, key).toBe(true)
  }
}

test('any JSON gives a valid configuration, with or without problems', async () => {
  const keys = fc.constantFrom(
    ...KEY_NAMES.map((key) => key.split('.')[0] ?? ''),
    'qos',
    'url',
    '__proto__',
    'constructor',
  )
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.dictionary(keys, fc.jsonValue({ maxDepth: 1 })))
  await fc.assert(
    fc.asyncProperty(fc.dictionary(keys, value), (all) => checkText(JSON.stringify(all))),
    { numRuns: 500 },
  )
})

test('a truncated configuration, or one with a wrong character, never throws', async () => {
  const whole = configText(SYSTEM_PATHS)
  const at = fc.nat(whole.length)
  await fc.assert(
    fc.asyncProperty(at, (end) => checkText(whole.slice(0, end))),
    { numRuns: 300 },
  )
  const wrong = fc.asyncProperty(at, fc.string({ maxLength: 2 }), (i, s) =>
    checkText(whole.slice(0, i) + s + whole.slice(i + 1)),
  )
  await fc.assert(wrong, { numRuns: 300 })
})

test('service_states.json: each unit is imported or reported', () => {
  const count = fc.oneof(fc.nat(), fc.jsonValue({ maxDepth: 1 }))
  const entry = fc.oneof(fc.record({ starts: count, stops: count, crashes: count }), fc.jsonValue({ maxDepth: 1 }))
  fc.assert(
    fc.property(fc.dictionary(fc.string(), entry), (all) => {
      const { baselines, problems } = parseLegacyCounters(JSON.stringify(all))
      expect(baselines.size + problems.length).toBeGreaterThanOrEqual(Object.keys(all).length)
      for (const { starts, stops, crashes } of baselines.values())
        expect(Math.min(starts, stops, crashes)).toBeGreaterThanOrEqual(0)
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => void parseLegacyCounters(text)))
})
