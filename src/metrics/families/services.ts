// The families of the program that this one replaces: systemd_service_* and systemd_monitor_info, names unchanged.
import { unitOf } from '../../core/state.ts'
import {
  activeState,
  addCounters,
  type Counters,
  changedAtMs,
  isUnloaded,
  shownCounters,
  type Unit,
  ZERO,
} from '../../core/unit.ts'
import { committedUnit, type Family, perUnit, unixSeconds } from '../family.ts'
import type { Reading } from '../scrape-input.ts'

/** Numbers of `systemd_service_state`, fixed by the contract. */
export const STATE_NUMBERS: Readonly<Record<string, number>> = {
  failed: -1,
  inactive: 0,
  active: 1,
  activating: 2,
  deactivating: 3,
  reloading: 4,
  maintenance: 5,
  refreshing: 6,
}
export const UNLOADED = -2
export const UNKNOWN = -99

/** A bus that is away for less is a restart of it; what was last said still holds. */
const BUS_AWAY_MS = 30_000

type Counted = 'starts' | 'stops' | 'crashes' | 'restarts'

export const serviceFamilies: readonly Family[] = [
  perUnit(
    'systemd_service_state',
    'ActiveState: 1 active, 0 inactive, 2 activating, 3 deactivating, -1 failed, -2 unloaded, 4 reloading, 5 maintenance, 6 refreshing, -99 unknown.',
    stateNumber,
  ),
  counter('starts', 'Runs that began, since the state file was made.'),
  counter('stops', 'Runs that ended well, since the state file was made.'),
  counter('crashes', 'Runs that ended with a bad Result, since the state file was made.'),
  counter('restarts', 'Starts that followed straight from another run, since the state file was made.'),
  historical('starts'),
  historical('stops'),
  historical('crashes'),
  historical('restarts'),
  perUnit('systemd_service_last_change_timestamp', 'When systemd last changed the state, unix seconds.', lastChange),
  {
    name: 'systemd_monitor_info',
    type: 'gauge',
    help: 'This monitor and the gateway it watches.',
    samples: ({ agent, live }) => {
      const labels = {
        version: agent.version,
        gateway_id: agent.gatewayId,
        machine_id: agent.machineId,
        service_count: String(live.units.length),
      }
      return [{ labels, value: 1 }]
    },
  },
]

function stateNumber(unit: Unit, { bus, now }: Reading): number {
  const away = bus.lostAtMonoMs !== null && now.monoMs - bus.lostAtMonoMs >= BUS_AWAY_MS
  const notYetHeardOf = !bus.connected && unit.tracking !== 'continuous' && unit.snapshot === null
  if (away || notYetHeardOf) return UNKNOWN
  if (isUnloaded(unit)) return UNLOADED
  return STATE_NUMBERS[activeState(unit)] ?? UNKNOWN
}

/** Unix seconds; null until known. */
export function lastChange(unit: Unit, { now }: Reading): number | null {
  const ms = changedAtMs(unit, now)
  return ms === null ? null : unixSeconds(ms)
}

function counter(what: Counted, help: string): Family {
  const value = (unit: Unit, reading: Reading) => shownCounters(committedUnit(unit, reading))[what]
  return { ...perUnit(`systemd_service_${what}_total`, help, value), type: 'counter' }
}

function historical(what: Counted): Family {
  const help = `The part of systemd_service_${what}_total from before this run of the agent.`
  return perUnit(`systemd_service_${what}_historical`, help, (unit, reading) => {
    const committed = committedUnit(unit, reading)
    const before: Counters = addCounters(unitOf(reading.atStart, unit.name)?.counters ?? ZERO, committed.baseline)
    // What was imported while we run is from before it, too; and no part is larger than its whole.
    return Math.min(before[what], shownCounters(committed)[what])
  })
}
