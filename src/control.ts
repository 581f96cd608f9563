// Which back end operates units, for the running agent and for the commands; loaded by the first operation.
import type { Agent } from './agent.ts'
import type { Config } from './cli/options.ts'
import { type Commands, unitCommands } from './obey.ts'
import type { Clock, Log, UnitControl } from './ports.ts'

/** systemd itself gives up a start after 90 s unless told otherwise (DefaultTimeoutStartSec=). */
const AGENT_WAITS_MS = 120_000

/** Orders to the running agent, under the configuration in force. */
export function agentCommands(config: () => Config, agent: () => Agent, clock: Clock, log: Log): Commands {
  return unitCommands({
    rules: () => config().control,
    isWatched: (unit) => agent().state().index.has(unit),
    control: () => agentControl(config(), clock),
    observe: (observation) => agent().observe(observation),
    clock,
    log,
  })
}

async function agentControl(config: Config, clock: Clock): Promise<UnitControl> {
  const { dbusControl } = await import('./systemd/control.ts')
  const { bus: address, max_retries: retries } = config
  return dbusControl({ address, after: clock.after, timeoutMs: AGENT_WAITS_MS, retries })
}
