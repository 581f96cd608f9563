// Reads the probe longest-pause.cjs, which is loaded into the agent with `--require`.
import { fileURLToPath } from 'node:url'
import type { Gatewatch } from '../rig/gatewatch.ts'
import { until } from '../rig/until.ts'

/** Options for Node. */
export const WITH_PROBE = ['--require', fileURLToPath(new URL('longest-pause.cjs', import.meta.url))]

/** The longest pause of the agent's event loop since the previous call, and the most CPU time between two turns. */
export async function longestPause(agent: Gatewatch): Promise<string> {
  const reports = () => agent.stderr().match(/longest pause: .*/g) ?? []
  const before = reports().length
  process.kill(agent.pid, 'SIGUSR2')
  return (await until(() => reports()[before], { what: 'the agent to report its longest pause' })) ?? ''
}
