// Formats the cause of a unit's last end, as JSON and as a suffix of a message.

import type { Cause } from '../core/explain/evidence.ts'
import { causeText } from '../core/views/format.ts'

export function causeJson(cause: Cause): { result: string; exit_code: number | null; signal: string | null } {
  return { result: cause.result, exit_code: cause.exitCode, signal: cause.signal }
}

/** ` (exit 3)`; empty if the cause is unknown. */
export function causeSuffix(cause: Cause | null): string {
  return cause === null ? '' : ` (${causeText(causeJson(cause))})`
}
