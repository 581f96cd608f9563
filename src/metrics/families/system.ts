// systemd as a whole and the gateway under it.
import type { SystemHealth } from '../../ports.ts'
import { type Family, flag, gauge } from '../family.ts'

/** Those that exist from the start; `initializing`, and one of the future, while it is so. */
const STATES: readonly string[] = ['starting', 'running', 'degraded', 'maintenance', 'stopping']
const STAGES: readonly (keyof SystemHealth['boot'])[] = ['firmware', 'loader', 'kernel', 'initrd', 'userspace']

export const systemFamilies: readonly Family[] = [
  {
    name: 'gatewatch_system_state',
    type: 'gauge',
    help: "1 for systemd's own state, 0 for the others.",
    samples: ({ system }) => {
      if (system === null) return []
      return [...new Set([...STATES, system.state])].map((state) => {
        return { labels: { state }, value: flag(state === system.state) }
      })
    },
  },
  gauge('gatewatch_system_failed_units', 'Units that failed, watched or not.', (r) => {
    return r.system?.failedUnits ?? null
  }),
  gauge('gatewatch_system_jobs', 'Jobs in the queue of systemd.', (r) => r.system?.jobs ?? null),
  {
    name: 'gatewatch_boot_duration_seconds',
    type: 'gauge',
    help: 'How long each stage of the last boot took.',
    samples: ({ system }) =>
      STAGES.flatMap((stage) => {
        const value = system?.boot[stage] ?? null
        return value === null ? [] : [{ labels: { stage }, value }]
      }),
  },
  gauge('gatewatch_host_memory_used_ratio', 'Memory that is not available, of all.', (r) => r.host.memory),
  gauge('gatewatch_host_cpu_used_ratio', 'CPU time not idle since the scrape before, of all.', (r) => r.host.cpu),
  {
    name: 'gatewatch_host_disk_used_ratio',
    type: 'gauge',
    help: 'Space used, of what users may use.',
    samples: ({ host }) => host.disks.map(({ path, used }) => ({ labels: { path }, value: used })),
  },
  {
    name: 'gatewatch_host_flash_life_used_ratio',
    type: 'gauge',
    help: 'Life that an eMMC has used, by its own estimate, in steps of 0.1; 1.1 is beyond its end.',
    samples: ({ host }) => host.flash.map(({ device, lifeUsed }) => ({ labels: { device }, value: lifeUsed })),
  },
]
