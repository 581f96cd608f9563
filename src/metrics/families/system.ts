// Metric families of systemd as a whole and of the host.
import type { SystemHealth } from '../../ports.ts'
import { type Family, flag, gauge } from '../family.ts'

/** The states that always have a series; `initializing`, or an unknown state, has one only while it is current. */
const STATES: readonly string[] = ['starting', 'running', 'degraded', 'maintenance', 'stopping']
const STAGES: readonly (keyof SystemHealth['boot'])[] = ['firmware', 'loader', 'kernel', 'initrd', 'userspace']

export const systemFamilies: readonly Family[] = [
  {
    name: 'gatewatch_system_state',
    type: 'gauge',
    help: '1 for the current state of systemd, 0 for the others.',
    samples: ({ system }) => {
      if (system === null) return []
      return [...new Set([...STATES, system.state])].map((state) => {
        return { labels: { state }, value: flag(state === system.state) }
      })
    },
  },
  gauge('gatewatch_system_failed_units', 'Failed units, watched or not.', (r) => {
    return r.system?.failedUnits ?? null
  }),
  gauge('gatewatch_system_jobs', "Jobs in systemd's queue.", (r) => r.system?.jobs ?? null),
  {
    name: 'gatewatch_boot_duration_seconds',
    type: 'gauge',
    help: 'Duration of each stage of the last boot.',
    samples: ({ system }) =>
      STAGES.flatMap((stage) => {
        const value = system?.boot[stage] ?? null
        return value === null ? [] : [{ labels: { stage }, value }]
      }),
  },
]

/** What the host uses, which is read from the kernel for each scrape. */
export const hostFamilies: readonly Family[] = [
  gauge('gatewatch_host_memory_used_ratio', 'Fraction of memory in use.', (r) => r.host.memory),
  gauge('gatewatch_host_cpu_used_ratio', 'Fraction of CPU time in use since the previous scrape.', (r) => r.host.cpu),
  {
    name: 'gatewatch_host_disk_used_ratio',
    type: 'gauge',
    help: 'Fraction of disk space in use, without the space reserved for root.',
    samples: ({ host }) => host.disks.map(({ path, used }) => ({ labels: { path }, value: used })),
  },
  {
    name: 'gatewatch_host_flash_life_used_ratio',
    type: 'gauge',
    help: 'Fraction of eMMC lifetime used, by its own estimate, in steps of 0.1; 1.1 means exceeded.',
    samples: ({ host }) => host.flash.map(({ device, lifeUsed }) => ({ labels: { device }, value: lifeUsed })),
  },
]
