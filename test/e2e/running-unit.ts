// A systemd with one running unit, and a fresh directory for each test: for tests of the agent with a single unit.
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type Gatewatch, removeDirectory, startGatewatch, temporaryDirectory } from '../rig/gatewatch.ts'
import { type Systemd, startSystemd } from '../rig/systemd.ts'

interface UnitCounts {
  readonly counters: { readonly starts: number }
}

/** Registers the hooks of a test file; `runs.service` is running. Agents that a test leaves running are killed after it. */
export function useRunningUnit() {
  let systemd: Systemd
  let directory: string
  const agents: Gatewatch[] = []

  beforeAll(async () => {
    systemd = await startSystemd()
    systemd.writeUnit('runs.service', '[Service]\nExecStart=/bin/sleep infinity\n')
    await systemd.daemonReload()
    await systemd.start('runs.service')
  })
  beforeEach(() => {
    directory = temporaryDirectory()
  })
  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end('SIGKILL')
    removeDirectory(directory)
  })
  afterAll(() => systemd.stop())

  const unitOf = async (agent: Gatewatch) =>
    (await agent.getJson('/api/v1/units/runs.service')) as unknown as UnitCounts
  return {
    systemd: () => systemd,
    directory: () => directory,
    async start(options: Partial<Parameters<typeof startGatewatch>[0]> = {}, ready = true) {
      const defaults = { busAddress: systemd.busAddress, services: ['runs'], directory }
      const agent = await startGatewatch({ ...defaults, ...options }, ready)
      agents.push(agent)
      return agent
    },
    unitOf,
    startsOf: async (agent: Gatewatch) => (await unitOf(agent)).counters.starts,
  }
}
