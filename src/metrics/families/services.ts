// Metric families of the former program, with unchanged names: systemd_service_* and systemd_monitor_info.
import { unitOf } from '../../core/state.ts'
import { addCounters, type Counters, shownCounters, type Unit, ZERO } from '../../core/unit.ts'
import { shownState } from '../../core/unit-facts.ts'
import { committedUnit, type Family, ofUnits, unitGauge, unixSeconds } from '../family.ts'
import type { ScrapeInput } from '../scrape-input.ts'

/** Values of `systemd_service_state`; users depend on them. */
export const STATE_NUMBERS: Readonly<Record<string, number>> = {
  failed: -1,
  inactive: 0,
  active: 1,
  activating: 2,
  deactivating: 3,
  reloading: 4,
  maintenance: 5,
  refreshing: 6,
  unloaded: -2,
}
export const UNKNOWN = -99

type Counted = 'starts' | 'stops' | 'crashes' | 'restarts'

const families: readonly Family[] = [
  unitGauge(
    'systemd_service_state',
    'ActiveState: 1 active, 0 inactive, 2 activating, 3 deactivating, -1 failed, -2 unloaded, 4 reloading, 5 maintenance, 6 refreshing, -99 unknown.',
    stateNumber,
  ),
  totalOf('starts', 'Runs started since the state file was created.'),
  totalOf('stops', 'Runs that ended successfully since the state file was created.'),
  totalOf('crashes', 'Runs that ended in failure since the state file was created.'),
  totalOf('restarts', 'Starts that directly followed another run, since the state file was created.'),
  historicalOf('starts'),
  historicalOf('stops'),
  historicalOf('crashes'),
  historicalOf('restarts'),
  unitGauge('systemd_service_last_change_timestamp', 'Unix time of the last state change, in seconds.', lastChange),
]

export const serviceFamilies: readonly Family[] = [
  ...families.map(ofUnits),
  {
    name: 'systemd_monitor_info',
    type: 'gauge',
    help: 'Version of gatewatch and identity of the gateway.',
    samples: ({ agent, live }) => {
      const labels = {
        version: agent.version,
        gateway_id: agent.gatewayId,
        machine_id: agent.machineId,
        service_count: String(live.units.length),
        monitored_services: joinedNames(agent.monitoredServices),
      }
      return [{ labels, value: 1 }]
    },
  },
]

/** A label value is part of every sample that Prometheus stores. */
const JOINED_NAMES_BYTES_AT_MOST = 1024

/** As many whole names as fit, separated by commas. */
function joinedNames(names: readonly string[]): string {
  let joined = ''
  for (const name of names) {
    const longer = joined === '' ? name : `${joined},${name}`
    if (Buffer.byteLength(longer) > JOINED_NAMES_BYTES_AT_MOST) break
    joined = longer
  }
  return joined
}

function stateNumber(unit: Unit): number {
  return STATE_NUMBERS[shownState(unit)] ?? UNKNOWN
}

/** Unix seconds; null until known. */
export function lastChange({ changedAtMs }: Unit): number | null {
  return changedAtMs === null ? null : unixSeconds(changedAtMs)
}

function totalOf(what: Counted, help: string): Family {
  const value = (unit: Unit, input: ScrapeInput) => shownCounters(committedUnit(unit, input))[what]
  return { ...unitGauge(`systemd_service_${what}_total`, help, value), type: 'counter' }
}

function historicalOf(what: Counted): Family {
  const help = `Part of systemd_service_${what}_total counted before this run of the agent.`
  return unitGauge(`systemd_service_${what}_historical`, help, (unit, input) => {
    const committed = committedUnit(unit, input)
    const before: Counters = addCounters(unitOf(input.atStart, unit.name)?.counters ?? ZERO, committed.baseline)
    // A baseline imported during this run also counts as before it. A part must not exceed the whole.
    return Math.min(before[what], shownCounters(committed)[what])
  })
}
