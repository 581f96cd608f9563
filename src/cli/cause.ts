// Formats the cause of a unit's last end as a suffix of a message.
import type { Cause } from '../core/explain/evidence.ts'
import { causeText } from '../core/views/format.ts'
import { causeJson } from '../core/views/unit-status-json.ts'

/** ` (exit 3)`; empty if the cause is unknown. */
export function causeSuffix(cause: Cause | null): string {
  return cause === null ? '' : ` (${causeText(causeJson(cause))})`
}
