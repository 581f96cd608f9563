// What would have to be enabled so that more is known about a crash.
import type { CrashEvent } from '../event.ts'
import type { EvidenceSources } from './explanation-input.ts'

/** Empty if everything that can be known was looked for. */
export function sourcesSentence({ log, evidence }: CrashEvent, { explain, journal }: EvidenceSources): string[] {
  const missing = [
    ...(explain ? [] : ['set `explain` to true']),
    ...(journal === 'denied'
      ? ['add the group systemd-journal to gatewatch.service (see the drop-in journal.conf)']
      : []),
  ]
  if (missing.length === 0 || evidence?.coredump !== undefined || (log !== undefined && explain)) return []
  return [
    `To see more next time (core dump, out-of-memory kill, status text, last log lines): ${missing.join(' and ')}.`,
  ]
}
