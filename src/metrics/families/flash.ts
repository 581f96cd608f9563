// Metric families of the state file: commits, bytes written, durations and errors.
import type { StoreHealth } from '../../ports.ts'
import { counter, type Family, flag, gauge, histogramSamples, unixSeconds } from '../family.ts'

const ERRNOS: readonly (keyof StoreHealth['errors'])[] = ['EIO', 'ENOSPC', 'EROFS', 'other']

export const flashFamilies: readonly Family[] = [
  counter('gatewatch_flash_commits_total', 'Commits to the state file.', (r) => r.store.commits),
  counter(
    'gatewatch_flash_bytes_written_total',
    'Bytes written to flash for the state file, including file system overhead.',
    (r) => r.store.bytesWritten,
  ),
  {
    name: 'gatewatch_flash_errors_total',
    type: 'counter',
    help: 'Failed commits, by errno.',
    samples: ({ store }) => ERRNOS.map((errno) => ({ labels: { errno }, value: store.errors[errno] })),
  },
  {
    name: 'gatewatch_flash_commit_seconds',
    type: 'histogram',
    help: 'Duration of commits.',
    samples: ({ store }) => histogramSamples(store.commitSeconds),
  },
  gauge('gatewatch_flash_degraded', '1 while the state cannot be written to flash; counters are then live.', (r) => {
    return flag(r.store.problem !== null)
  }),
  gauge(
    'gatewatch_state_volatile',
    '1 if the state file is, or may be, on a RAM-backed file system and lost at power-off.',
    (r) => {
      return flag(r.stateVolatile)
    },
  ),
  gauge('gatewatch_flash_interval_seconds', 'Longest time that a counter can be behind.', (r) => r.store.delaySeconds),
  gauge('gatewatch_flash_last_commit_timestamp_seconds', 'Unix time of the last commit, in seconds.', (r) => {
    return r.store.lastCommitMs === null ? null : unixSeconds(r.store.lastCommitMs)
  }),
]
