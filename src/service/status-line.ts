// The status line of the agent in `systemctl status`.

import type { State } from '../core/state.ts'
import { isKnown, shownState } from '../core/unit-facts.ts'
import { plural } from '../core/views/format.ts'

/** `watching 12 units, 11 running; 1 failed; bus: no such socket`. Shows the first of the `problems`. */
export function statusLine({ units }: State, problems: readonly string[]): string {
  const running = units.filter((unit) => isKnown(unit) && unit.run !== null).length
  const unknown = units.filter((unit) => !isKnown(unit)).length
  const unloaded = units.filter((unit) => shownState(unit) === 'unloaded').length
  const failed = units.filter((unit) => shownState(unit) === 'failed').length
  return [
    `watching ${plural(units.length, 'unit')}, ${running} running`,
    ...(failed > 0 ? [`${failed} failed`] : []),
    ...(unloaded > 0 ? [`${unloaded} not loaded`] : []),
    ...(unknown > 0 ? [`${unknown} unknown`] : []),
    ...problems.slice(0, 1),
  ].join('; ')
}
