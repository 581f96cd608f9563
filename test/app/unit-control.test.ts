// The back end for commands to the agent: what it takes from the configuration in effect.
import { expect, test } from 'vitest'
import { createAgent } from '../../src/agent.ts'
import { createAgentControl } from '../../src/app/unit-control.ts'
import type { Config } from '../../src/config/keys.ts'
import { loadConfig } from '../../src/config/load.ts'
import { newState } from '../../src/core/state.ts'
import type { StateStore } from '../../src/ports.ts'

/** Of src/dbus/connection.ts: timers below it are the waits between two attempts. */
const CONNECT_TIMEOUT_MS = 10_000
const AT = { monoMs: 0, wallMs: 0 }

test('a reload changes max_retries of the next command', async () => {
  const args = { configFile: null, user: false, notes: [], overrides: new Map() }
  const file = '{"control": {"enabled": true, "units": ["a.service"]}}'
  const { config } = await loadConfig(args, { env: {}, uid: 1000, readText: () => file })
  let inEffect: Config = { ...config, bus: 'unix:path=/nowhere/bus', backend: 'dbus', max_retries: 2 }
  let retries = 0
  const clock = {
    now: () => AT,
    wallMsOf: (monoMs: number) => monoMs,
    after(ms: number, call: () => void) {
      if (ms < CONNECT_TIMEOUT_MS) retries += 1
      const timer = setImmediate(call)
      return () => clearImmediate(timer)
    },
  }
  const log = () => {}
  const store = { remember: () => {} } as unknown as StateStore
  const agent = createAgent({ state: newState('00'), bootId: 'b', store, clock, log })
  const { commands } = createAgentControl(() => inEffect, agent, { clock, log, env: {}, uid: 0, user: false })
  const retriesOf = async () => {
    retries = 0
    const command = { action: 'start', unit: 'a.service', via: 'http', who: null } as const
    await expect(commands.run(command)).rejects.toMatchObject({ code: 'unreachable' })
    return retries
  }
  expect(await retriesOf()).toBe(2)
  inEffect = { ...inEffect, max_retries: 0 }
  expect(await retriesOf()).toBe(0)
  commands.close()
})
