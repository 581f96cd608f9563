// The status line of the agent in `systemctl status`.

import type { State } from '../core/state.ts'
import { activeState, isUnloaded } from '../core/unit.ts'
import { plural } from '../core/views/format.ts'

/** `watching 12 units, 11 running; 1 failed; bus: no such socket`. Shows the first of the `problems`. */
export function statusLine({ units }: State, problems: readonly string[]): string {
  const running = units.filter((unit) => unit.run !== null).length
  const unloaded = units.filter(isUnloaded).length
  const failed = units.filter((unit) => !isUnloaded(unit) && activeState(unit) === 'failed').length
  return [
    `watching ${plural(units.length, 'unit')}, ${running} running`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unloaded > 0 ? [`${unloaded} not loaded`] : []),
    ...problems.slice(0, 1),
  ].join('; ')
}
