// Chooses the back end that operates units, for the running agent and for the command line; loaded on first use.
import type { Agent } from '../agent.ts'
import type { Config } from '../config/keys.ts'
import type { Clock, Env, Log, UnitControl } from '../ports.ts'
import { type AgentCommands, createUnitCommands } from './unit-commands.ts'

/** systemd itself aborts a start job after 90 s unless configured otherwise (DefaultTimeoutStartSec=). */
const AGENT_TIMEOUT_MS = 120_000

export interface ControlOptions {
  readonly clock: Clock
  readonly log: Log
  readonly env: Env
  readonly uid: number
  /** The systemd of the user instead of the system's. */
  readonly user: boolean
}

/** Commands to the running agent, under the configuration in effect. */
export function createAgentCommands(config: () => Config, agent: Agent, options: ControlOptions): AgentCommands {
  return createUnitCommands({
    rules: () => config().control,
    isWatched: (unit) => agent.state().index.has(unit),
    control: () => openControl(config(), () => config().max_retries, AGENT_TIMEOUT_MS, options),
    observe: agent.observe,
    clock: options.clock,
    log: options.log,
  })
}

/** The back end that `--backend` names. `timeoutMs`: how long one operation may take. */
export async function openControl(
  { bus: address, backend }: Config,
  retries: () => number,
  timeoutMs: number,
  { clock, log, env, uid, user }: ControlOptions,
): Promise<UnitControl> {
  const overSystemctl = async () => {
    const { createSystemctlControl } = await import('../systemd/operate/systemctl-control.ts')
    const { runSystemctl } = await import('../systemd/operate/systemctl.ts')
    return createSystemctlControl({
      run: runSystemctl(user, env),
      timeoutMs,
      now: clock.now,
      isRoot: uid === 0 || user,
    })
  }
  if (backend === 'command') return overSystemctl()
  const { createDbusControl } = await import('../systemd/operate/dbus-control.ts')
  const dbus = createDbusControl({ address, after: clock.after, now: clock.now, timeoutMs, retries })
  if (backend === 'dbus') return dbus
  const { createFallbackControl } = await import('../systemd/operate/fallback.ts')
  return createFallbackControl(dbus, await overSystemctl(), (why) => log('warning', `${why}; using systemctl`))
}
