// A real systemd with the built agent watching it, for tests that compare what the agent reports with what happened.
import type { Json } from '../../src/core/views/api-json.ts'
import { type Gatewatch, removeDirectory, startGatewatch } from '../rig/gatewatch.ts'
import { type Systemd, type SystemdOptions, startSystemd } from '../rig/systemd.ts'
import { until } from '../rig/until.ts'

export interface AgentOnSystemd {
  readonly systemd: Systemd
  readonly agent: Gatewatch
  /** `crasher` means crasher.service. */
  unit(name: string): Promise<Json>
  /** The events of one unit, oldest first. */
  events(name: string, kind?: string): Promise<Json[]>
  /** Waits until there are this many events of this kind, and returns the last one. */
  event(name: string, kind: string, count?: number): Promise<Json>
  /** Reloads systemd, and waits until the agent has read every unit again. */
  readAgain(): Promise<void>
  /** Waits until systemd reports this SubState. */
  subState(name: string, is: string): Promise<void>
  end(): Promise<void>
}

/** Writes the units, by name, then starts an agent that watches `services`, or all of the units. */
export async function startAgentOnSystemd(
  units: Readonly<Record<string, string>>,
  services: readonly string[] = Object.keys(units),
  options: SystemdOptions = {},
): Promise<AgentOnSystemd> {
  const systemd = await startSystemd(options)
  for (const [name, text] of Object.entries(units)) systemd.writeUnit(fullName(name), text)
  await systemd.daemonReload()
  const agent = await startGatewatch({
    busAddress: systemd.busAddress,
    services,
    env: { GATEWATCH_FLUSH_INTERVAL: '1' },
  })
  const events = async (name: string, kind?: string) =>
    (await agent.events()).filter((e) => e['service'] === fullName(name) && (kind ?? e['event']) === e['event'])
  return {
    systemd,
    agent,
    unit: (name) => agent.getJson(`/api/v1/units/${fullName(name)}`),
    events,
    async event(name, kind, count = 1) {
      const is = (found: Json[]) => found.length >= count
      const found = await until(() => events(name, kind), { what: `${kind} event ${count} of ${name}`, is })
      return found[count - 1] ?? {}
    },
    async readAgain() {
      const reads = async () => Number(await agent.metric('gatewatch_bus_call_seconds_count{method="GetAll"}'))
      const before = await reads()
      await systemd.daemonReload()
      const { units } = (await agent.getJson('/api/v1/status')) as { units: Json[] }
      await until(reads, { what: 'every unit to be read', is: (count) => count >= before + units.length })
    },
    async subState(name, is) {
      const state = async () => (await systemd.show(fullName(name), 'SubState'))['SubState']
      await until(state, { what: `${name} to be ${is}`, is: (value) => value === is })
    },
    async end() {
      await agent.end('SIGKILL')
      removeDirectory(agent.directory)
      await systemd.stop()
    },
  }
}

function fullName(name: string): string {
  return name.includes('.') ? name : `${name}.service`
}
