// How the agent itself is: its build, its configuration, its process.
import { counter, type Family, flag, gauge, unixSeconds } from '../family.ts'
import { wallMsOf } from '../scrape-input.ts'

export const agentFamilies: readonly Family[] = [
  {
    name: 'gatewatch_build_info',
    type: 'gauge',
    help: 'What this agent was built from and runs on.',
    samples: ({ agent }) => {
      const { version, revision, nodeVersion, target } = agent
      return [{ labels: { version, revision, node_version: nodeVersion, target }, value: 1 }]
    },
  },
  gauge('gatewatch_config_problems', 'Keys of the configuration that were not taken over.', (r) => {
    return r.agent.configProblems
  }),
  gauge('gatewatch_config_last_reload_successful', '0 after a configuration that was refused.', (r) => {
    return flag(r.agent.lastReloadSuccessful)
  }),
  gauge(
    'gatewatch_config_last_reload_success_timestamp_seconds',
    'When a configuration was last taken over, unix seconds.',
    ({ agent }) => (agent.lastReloadSuccessMs === null ? null : unixSeconds(agent.lastReloadSuccessMs)),
  ),
  gauge('gatewatch_event_loop_lag_seconds', 'How late the event loop was.', (r) => r.agent.eventLoopLagSeconds),
  counter('process_cpu_seconds_total', 'User and system CPU time.', (r) => r.process.cpuSeconds),
  gauge('process_resident_memory_bytes', 'Resident memory.', (r) => r.process.residentBytes),
  gauge('process_open_fds', 'Open file descriptors.', (r) => r.process.openFds),
  gauge('process_start_time_seconds', 'When the process started, unix seconds.', (r) => {
    return unixSeconds(wallMsOf(r.process.startedAtMonoMs, r.now))
  }),
]
