// What a reload puts into effect, over every row of the table of keys.
import { describe, expect, test } from 'vitest'
import { afterReload } from '../../src/config/after-reload.ts'
import { type Config, KEY_NAMES, type Key, rowOf, valueAt } from '../../src/config/keys.ts'
import { loadConfig } from '../../src/config/load.ts'
import { changedValues } from './changed-values.ts'

const CONTEXT = {
  env: {},
  uid: 1000,
  readText: () => {
    throw Object.assign(new Error('ENOENT'), { code: 'ENOENT' })
  },
}
const CHANGED = changedValues('/tmp')

/** Keys that are valid only with another one: a client certificate with its key, and the other way round. */
const REQUIRED: Partial<Record<Key, readonly Key[]>> = {
  'mqtt.cert_file': ['mqtt.key_file'],
  'mqtt.key_file': ['mqtt.cert_file'],
  'remote_write.cert_file': ['remote_write.key_file'],
  'remote_write.key_file': ['remote_write.cert_file'],
  'remote_write.password_file': ['remote_write.username'],
}

/** The defaults, with the named keys changed. */
async function configWith(...keys: Key[]): Promise<Config> {
  const overrides = new Map(keys.map((key) => [key, { value: CHANGED[key], flag: `--${key}` }]))
  const { config, problems } = await loadConfig({ configFile: null, user: false, notes: [], overrides }, CONTEXT)
  expect(problems).toEqual([])
  return config
}

describe('a changed value is in effect, or waits for a restart', () => {
  test.each(KEY_NAMES)('%s', async (key) => {
    const pair = REQUIRED[key] ?? []
    const started = await configWith()
    const next = await configWith(key, ...pair)
    expect(valueAt(next, key)).not.toEqual(valueAt(started, key))
    const { config, waiting } = afterReload(started, next)
    const isNow = rowOf(key).applies === 'now'
    expect(valueAt(config, key)).toEqual(valueAt(isNow ? next : started, key))
    expect(waiting).toEqual(isNow ? [] : [key])
  })
})

test('a value changed back before the restart is in effect again', async () => {
  const started = await configWith()
  expect(afterReload(started, await configWith('log_file')).waiting).toEqual(['log_file'])
  expect(afterReload(started, await configWith()).waiting).toEqual([])
})

test('a value that was changed in an earlier reload still waits after one that changes another', async () => {
  const started = await configWith()
  expect(afterReload(started, await configWith('log_file', 'flap.count')).waiting).toEqual(['log_file'])
})
