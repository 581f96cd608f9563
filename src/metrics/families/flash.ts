// What flash takes, how long it takes, and what it refused.
import type { StoreHealth } from '../../ports.ts'
import { counter, type Family, flag, gauge, histogramSamples, unixSeconds } from '../family.ts'

const ERRNOS: readonly (keyof StoreHealth['errors'])[] = ['EIO', 'ENOSPC', 'EROFS', 'other']

export const flashFamilies: readonly Family[] = [
  counter('gatewatch_flash_commits_total', 'Commits of the state file.', (r) => r.store.commits),
  counter(
    'gatewatch_flash_bytes_written_total',
    'Bytes written to flash for the state file; on ext, xfs and btrfs with what these add.',
    (r) => r.store.bytesWritten,
  ),
  {
    name: 'gatewatch_flash_errors_total',
    type: 'counter',
    help: 'Commits that failed, by errno.',
    samples: ({ store }) => ERRNOS.map((errno) => ({ labels: { errno }, value: store.errors[errno] })),
  },
  {
    name: 'gatewatch_flash_commit_seconds',
    type: 'histogram',
    help: 'How long a commit took.',
    samples: ({ store }) => histogramSamples(store.commitSeconds),
  },
  gauge('gatewatch_flash_degraded', '1 while flash does not take the state; counters are live then.', (r) => {
    return flag(r.store.problem !== null)
  }),
  gauge('gatewatch_state_volatile', '1 when the state file is lost with the power.', (r) => {
    return flag(r.stateVolatile)
  }),
  gauge('gatewatch_flash_last_commit_timestamp_seconds', 'When the state was last committed, unix seconds.', (r) => {
    return r.store.lastCommitMs === null ? null : unixSeconds(r.store.lastCommitMs)
  }),
]
