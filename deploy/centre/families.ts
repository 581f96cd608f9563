// The metric families of all gateways: the names of a gateway's own /metrics, with the label `gateway`.
import type { Counters } from '../../src/core/unit.ts'
import { isUnloadedState } from '../../src/core/unit-facts.ts'
import { STATE_NUMBERS, UNKNOWN } from '../../src/metrics/families/services.ts'
import { type FamilyOf, flag, type Sample, unixSeconds } from '../../src/metrics/family.ts'
import { type Gateways, isUp, type UnitState } from './gateways.ts'

type Family = FamilyOf<Gateways>

export const FAMILIES: readonly Family[] = [
  {
    name: 'gatewatch_gateway_up',
    type: 'gauge',
    help: '1 while the gateway is reachable: its agent is online, and its bridge is connected.',
    samples: ({ all }) => [...all].map(([gateway, it]) => ({ labels: { gateway }, value: flag(isUp(it)) })),
  },
  gauge('systemd_service_state', 'ActiveState, with the same numbers as on the gateway.', stateNumber),
  counter('systemd_service_starts_total', 'Runs started.', 'starts'),
  counter('systemd_service_stops_total', 'Runs that ended successfully.', 'stops'),
  counter('systemd_service_crashes_total', 'Runs that ended in failure.', 'crashes'),
  counter('systemd_service_restarts_total', 'Starts that directly followed another run.', 'restarts'),
  counter('gatewatch_unit_lost_total', 'Runs whose end was not observed.', 'lost'),
  {
    name: 'gatewatch_unit_failures_total',
    type: 'counter',
    help: 'Crashes by systemd Result; requested: whether a stop or restart job ended the run.',
    samples: (gateways) => samples(gateways, failures),
  },
  {
    name: 'gatewatch_unit_start_jobs_failed_total',
    type: 'counter',
    help: 'Start jobs that ended without a run, by job result.',
    samples: (gateways) => samples(gateways, startJobsFailed),
  },
  gauge('gatewatch_unit_running', '1 while a run is in progress.', (unit) => flagOrNone(unit.running)),
  gauge('gatewatch_unit_flapping', '1 while the unit crashes repeatedly.', (unit) => flagOrNone(unit.flapping)),
  gauge('gatewatch_unit_gave_up', '1 if the unit failed and nothing active will start it again.', (unit) =>
    flagOrNone(unit.gave_up),
  ),
  gauge('gatewatch_unit_loaded', '0 if systemd cannot load the unit.', ({ active_state, load_state }) =>
    active_state === 'unknown' || load_state === null ? null : flag(!isUnloadedState(load_state)),
  ),
  gauge('gatewatch_unit_frozen', '1 while the processes of the unit are frozen; absent otherwise.', ({ frozen }) =>
    frozen ? 1 : null,
  ),
  gauge(
    'gatewatch_unit_last_crash_timestamp_seconds',
    'Unix time of the last crash, in seconds.',
    ({ last_crash: crash }) => {
      return crash === null ? null : unixSeconds(Date.parse(crash.timestamp))
    },
  ),
  {
    name: 'gatewatch_centre_refused_messages_total',
    type: 'counter',
    help: 'Messages under the prefix that could not be read as a gateway message.',
    samples: (gateways) => [{ labels: {}, value: gateways.refused() }],
  },
]

/** No series while the gateway does not know the value. */
function flagOrNone(value: boolean | null): number | null {
  return value === null ? null : flag(value)
}

function samples({ all }: Gateways, of: (unit: UnitState) => readonly Sample[]): Sample[] {
  return [...all].flatMap(([gateway, { units }]) =>
    [...units.values()].flatMap((unit) =>
      of(unit).map(({ labels, value }) => ({ labels: { gateway, service: unit.service, ...labels }, value })),
    ),
  )
}

function gauge(name: string, help: string, value: (unit: UnitState) => number | null): Family {
  const one = (unit: UnitState) => {
    const v = value(unit)
    return v === null ? [] : [{ labels: {}, value: v }]
  }
  return { name, type: 'gauge', help, samples: (gateways) => samples(gateways, one) }
}

function counter(name: string, help: string, what: keyof Counters): Family {
  return { ...gauge(name, help, (unit) => unit.counters[what]), type: 'counter' }
}

/** Two results have a series at 0 from the start, as on the gateway, so that increase() sees the first crash. */
function failures(unit: UnitState): Sample[] {
  const nothing = { unrequested: 0, requested: 0 }
  return Object.entries({ 'exit-code': nothing, signal: nothing, ...unit.failures }).flatMap(([result, counted]) => [
    { labels: { result, requested: 'false' }, value: counted.unrequested },
    ...(counted.requested === 0 ? [] : [{ labels: { result, requested: 'true' }, value: counted.requested }]),
  ])
}

/** One result has a series at 0 from the start, as on the gateway; none at all if the gateway's agent does not count them. */
function startJobsFailed({ start_jobs_failed: counts }: UnitState): Sample[] {
  const all: Readonly<Record<string, number>> = counts === undefined ? {} : { dependency: 0, ...counts }
  return Object.entries(all).map(([result, value]) => ({ labels: { result }, value }))
}

function stateNumber(unit: UnitState): number {
  return STATE_NUMBERS[unit.active_state] ?? UNKNOWN
}
