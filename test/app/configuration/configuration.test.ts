// The configuration in effect over several reloads: applied, refused, and shown.
import { expect, test } from 'vitest'
import { createConfiguration } from '../../../src/app/configuration/configuration.ts'
import { type LoadedConfig, loadConfig } from '../../../src/config/load.ts'

async function loaded(file: string): Promise<LoadedConfig> {
  const args = { configFile: null, user: false, notes: [], overrides: new Map() }
  return loadConfig(args, { env: {}, uid: 1000, readText: () => file })
}

test('a good configuration is applied, except for keys that need a restart', async () => {
  const configuration = createConfiguration(await loaded('{}'), 1000)
  expect(configuration.apply(await loaded('{"flap": {"count": 3}, "gateway_id": "gw-9"}'), 2000)).toBe(true)
  expect(configuration.now().flap.count).toBe(3)
  expect(configuration.now().gateway_id).toBe(null)
  expect(configuration.waiting()).toEqual(['gateway_id'])
  expect(configuration.appliedAtMonoMs()).toBe(2000)
})

test('a bad configuration is refused as a whole, and shown until a good one is applied', async () => {
  const configuration = createConfiguration(await loaded('{}'), 1000)
  const bad = await loaded('{"flap": {"count": 3}, "max_retries": "many"}')
  expect(configuration.apply(bad, 2000)).toBe(false)
  const problem = bad.problems[0]?.text
  expect(problem).toContain('max_retries')
  expect(configuration.now().flap.count).toBe(5)
  expect(configuration.problems()).toEqual([`reload failed: ${problem}`])
  expect(configuration.appliedAtMonoMs()).toBe(1000)
  configuration.apply(await loaded('{"flap": {"count": 4}}'), 3000)
  expect(configuration.problems()).toEqual([])
  expect(configuration.now().flap.count).toBe(4)
})

test('problems of the configuration that the agent started with are shown until a good one is applied', async () => {
  const configuration = createConfiguration(await loaded('{"max_retries": "many"}'), 1000)
  expect(configuration.problems()).toHaveLength(1)
  expect(configuration.appliedAtMonoMs()).toBe(null)
  configuration.apply(await loaded('{}'), 3000)
  expect(configuration.problems()).toEqual([])
  expect(configuration.appliedAtMonoMs()).toBe(3000)
})
