// Which back end operates units, for the running agent and for the commands; loaded by the first operation.

import type { Agent } from '../agent.ts'
import type { Config } from '../config/keys.ts'
import type { Clock, Env, Log, UnitControl } from '../ports.ts'
import { type Commands, unitCommands } from './unit-commands.ts'

/** systemd itself gives up a start after 90 s unless told otherwise (DefaultTimeoutStartSec=). */
const AGENT_WAITS_MS = 120_000

export interface Outside {
  readonly clock: Clock
  readonly log: Log
  readonly env: Env
  readonly uid: number
  /** The user's own systemd instead of the system's. */
  readonly user: boolean
}

/** Orders to the running agent, under the configuration in force. */
export function agentCommands(config: () => Config, agent: () => Agent, outside: Outside): Commands {
  return unitCommands({
    rules: () => config().control,
    isWatched: (unit) => agent().state().index.has(unit),
    control: () => openControl(config(), AGENT_WAITS_MS, outside),
    observe: (observation) => agent().observe(observation),
    ...{ clock: outside.clock, log: outside.log },
  })
}

/** The back end that `--backend` names. `timeoutMs`: how long one operation is waited for. */
export async function openControl(config: Config, timeoutMs: number, outside: Outside): Promise<UnitControl> {
  const { clock, log, env, uid, user } = outside
  const { bus: address, backend } = config
  const overCommand = async () => {
    const { createSystemctlControl } = await import('../systemd/operate/systemctl-control.ts')
    const { runSystemctl } = await import('../systemd/operate/systemctl.ts')
    return createSystemctlControl({
      run: runSystemctl(user, env),
      timeoutMs,
      now: clock.now,
      isRoot: uid === 0 || user,
    })
  }
  if (backend === 'command') return overCommand()
  const { createDbusControl } = await import('../systemd/operate/dbus-control.ts')
  const dbus = createDbusControl({ address, after: clock.after, timeoutMs, retries: config.max_retries })
  if (backend === 'dbus') return dbus
  const { createFallbackControl } = await import('../systemd/operate/fallback.ts')
  return createFallbackControl(dbus, await overCommand(), (why) => log('warning', `${why}; using systemctl`))
}
