// What a gateway must push, so that an alert of deploy/prometheus can fire: the table in deploy/README.md.
import { rowOf } from '../../src/config/keys.ts'
import { shipped } from './shipped.ts'

/** Alerts that need more than the default selection, with the families that must be added to `remote_write.match`. */
export const ADDED_FOR_ALERTS: ReadonlyMap<string, readonly string[]> = new Map(
  [...shipped('README.md').matchAll(/^ *\| (`Gatewatch.+`) \| (`.+`) \|$/gm)].flatMap(
    ([, alerts = '', families = '']) => namesIn(alerts).map((alert) => [alert, namesIn(families)] as const),
  ),
)

export const DEFAULT_MATCH = rowOf('remote_write.match').byDefault as readonly string[]

export const MATCH_FOR_ALL_ALERTS: readonly string[] = [...DEFAULT_MATCH, ...[...ADDED_FOR_ALERTS.values()].flat()]

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
}
