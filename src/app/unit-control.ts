// Chooses the back end that operates units, for the running agent and for the command line; loaded on first use.
import type { Agent } from '../agent.ts'
import type { Config } from '../config/keys.ts'
import type { Clock, Env, Log, UnitControl } from '../ports.ts'
import { createUnitDetails, DETAILS_TIMEOUT_MS, type UnitDetails } from '../systemd/operate/unit-details.ts'
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

/** How clients of the running agent operate and inspect units. */
export interface AgentControl {
  readonly commands: AgentCommands
  readonly details: UnitDetails
  /** What changes unit files is possible. */
  readonly asRoot: boolean
  close(): void
}

/** Commands under the configuration in effect. */
export function createAgentControl(config: () => Config, agent: Agent, options: ControlOptions): AgentControl {
  const commands = createUnitCommands({
    rules: () => config().control,
    isWatched: (unit) => agent.state().index.has(unit),
    control: () => openControl(config(), () => config().max_retries, AGENT_TIMEOUT_MS, options),
    observe: agent.observe,
    clock: options.clock,
    log: options.log,
  })
  const details = createUnitDetails(() => openControl(config(), () => 0, DETAILS_TIMEOUT_MS, options), options.clock)
  return {
    commands,
    details,
    asRoot: options.uid === 0,
    close() {
      commands.close()
      details.close()
    },
  }
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
