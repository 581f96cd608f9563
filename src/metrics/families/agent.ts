// Metric families of the agent itself: build, configuration, event loop, process.
import { counter, type Family, flag, gauge, unixSeconds } from '../family.ts'

export const agentFamilies: readonly Family[] = [
  {
    name: 'gatewatch_build_info',
    type: 'gauge',
    help: 'Build information.',
    samples: ({ agent }) => {
      const { version, revision, nodeVersion, target } = agent
      return [{ labels: { version, revision, node_version: nodeVersion, target }, value: 1 }]
    },
  },
  {
    name: 'gatewatch_health',
    type: 'gauge',
    help: 'Health of the agent: 1 if this check is OK, 0 if it has a problem.',
    samples: ({ checks }) => checks.map(({ name, healthy }) => ({ labels: { check: name }, value: flag(healthy) })),
  },
  gauge(
    'gatewatch_config_problems',
    'Configuration keys that were not applied because of a problem, and whether the file is lost.',
    (r) => {
      return r.agent.configProblems
    },
  ),
  gauge('gatewatch_config_last_reload_successful', '1 if the last configuration reload succeeded, else 0.', (r) => {
    return flag(r.agent.lastReloadSuccessful)
  }),
  gauge(
    'gatewatch_config_last_reload_success_timestamp_seconds',
    'Unix time of the last successful configuration load, in seconds.',
    ({ agent }) => (agent.lastReloadSuccessMs === null ? null : unixSeconds(agent.lastReloadSuccessMs)),
  ),
  gauge(
    'gatewatch_event_loop_lag_seconds',
    'Event loop delay: the longest in the last minute.',
    (r) => r.agent.eventLoopLagSeconds,
  ),
  gauge('gatewatch_clock_synced', '1 if the clock is synchronised, else 0; absent while unknown.', ({ live }) => {
    return live.clockSynced === null ? null : flag(live.clockSynced)
  }),
]

/** What is read for each scrape. */
export const processFamilies: readonly Family[] = [
  counter('process_cpu_seconds_total', 'User and system CPU time used by the agent.', (r) => r.process.cpuSeconds),
  gauge('process_resident_memory_bytes', 'Resident memory size.', (r) => r.process.residentBytes),
  gauge('process_open_fds', 'Open file descriptors.', (r) => r.process.openFds),
]

export const processStart: Family = gauge(
  'process_start_time_seconds',
  'Unix time at which the process started, in seconds.',
  (r) => unixSeconds(r.process.startedAtMs),
)
