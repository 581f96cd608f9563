// Metric families of the push over remote write; absent if it is not configured.
import type { RemoteWriteHealth } from '../../ports.ts'
import { counter, type Family, gauge, unixSeconds } from '../family.ts'

const REASONS: readonly (keyof RemoteWriteHealth['dropped'])[] = ['overflow', 'expired', 'too_old', 'refused', 'clock']

export const remoteWriteFamilies: readonly Family[] = [
  counter('gatewatch_remote_write_samples_total', 'Samples accepted by the remote write receiver.', (r) => {
    return r.remoteWrite?.sent ?? null
  }),
  counter(
    'gatewatch_remote_write_samples_failed_total',
    'Samples in remote write requests that failed; most are sent again.',
    (r) => r.remoteWrite?.failed ?? null,
  ),
  {
    name: 'gatewatch_remote_write_samples_dropped_total',
    type: 'counter',
    help: 'Samples dropped, by reason.',
    samples: ({ remoteWrite }) =>
      remoteWrite === null ? [] : REASONS.map((reason) => ({ labels: { reason }, value: remoteWrite.dropped[reason] })),
  },
  gauge('gatewatch_remote_write_samples_pending', 'Samples waiting for the remote write receiver.', (r) => {
    return r.remoteWrite?.pending ?? null
  }),
  gauge(
    'gatewatch_remote_write_last_success_timestamp_seconds',
    'Unix time of the last request that the remote write receiver accepted, in seconds.',
    ({ remoteWrite }) => {
      const at = remoteWrite?.lastSuccessMs ?? null
      return at === null ? null : unixSeconds(at)
    },
  ),
]
