// What operations look at of a unit's properties. Pure.
import { causeOf } from '../core/cause.ts'
import type { Cause } from '../core/unit.ts'
import { unitRead } from './decode.ts'

export type Properties = Readonly<Record<string, unknown>>

/** The only ones that are decoded. */
export const STATUS_PROPERTIES: ReadonlySet<string> = new Set([
  ...['Id', 'LoadState', 'ActiveState', 'SubState', 'ConditionResult', 'ConditionTimestampMonotonic'],
  ...['Result', 'ExecMainCode', 'ExecMainStatus'],
])

/** Why the unit ended; null where it did not end badly, or systemd cannot say. */
export function causeIn(properties: Properties): Cause | null {
  const read = unitRead([properties])
  if ('malformed' in read) return null
  const cause = causeOf(read.seen)
  return cause.result === 'success' ? null : cause
}

/**
 * A start that was well and started nothing: a condition of the unit is not met (systemd.unit(5), systemd.service(5)).
 * A unit that nothing else refers to is unloaded at once, and nobody can tell then.
 */
export function skippedIn(properties: Properties): boolean {
  const { ActiveState: state, ConditionResult: met, ConditionTimestampMonotonic: checked, Result: result } = properties
  return state === 'inactive' && ((checked !== 0 && met === false) || result === 'exec-condition')
}
