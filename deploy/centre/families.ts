// The series of all gateways: families of a gateway's own /metrics, with the label `gateway`.
import { isUnloadedState } from '../../src/core/unit-facts.ts'
import { FAMILIES as OF_AGENT } from '../../src/metrics/families/all.ts'
import { STATE_NUMBERS, UNKNOWN } from '../../src/metrics/families/services.ts'
import { type FamilyOf, flag, type Sample } from '../../src/metrics/family.ts'
import { type Gateways, isUp, type UnitState } from './gateways.ts'

type Family = FamilyOf<Gateways>
type SamplesOfUnit = (unit: UnitState) => readonly Sample[]

/** Type and help are those of the agent. */
const OF_UNITS: Readonly<Record<string, SamplesOfUnit>> = {
  systemd_service_state: one(({ active_state }) => STATE_NUMBERS[active_state] ?? UNKNOWN),
  systemd_service_starts_total: one(({ counters }) => counters.starts),
  systemd_service_stops_total: one(({ counters }) => counters.stops),
  systemd_service_crashes_total: one(({ counters }) => counters.crashes),
  systemd_service_restarts_total: one(({ counters }) => counters.restarts),
  gatewatch_unit_lost_total: one(({ counters }) => counters.lost),
  gatewatch_unit_failures_total: failures,
  gatewatch_unit_start_jobs_failed_total: startJobsFailed,
  gatewatch_unit_running: one(({ running }) => running),
  gatewatch_unit_flapping: one(({ flapping }) => flapping),
  gatewatch_unit_gave_up: one(({ gave_up }) => gave_up),
  gatewatch_unit_loaded: one(({ active_state, load_state }) => {
    return active_state === 'unknown' || load_state === null ? null : !isUnloadedState(load_state)
  }),
  gatewatch_unit_frozen: one(({ frozen }) => frozen || null),
  gatewatch_unit_last_crash_timestamp_seconds: one(({ last_crash: crash }) => {
    return crash === null ? null : Date.parse(crash.timestamp) / 1000
  }),
}

export const FAMILIES: readonly Family[] = [
  {
    name: 'gatewatch_gateway_up',
    type: 'gauge',
    help: '1 while the gateway is reachable: its agent is online, and its bridge is connected.',
    samples: ({ all }) => [...all].map(([gateway, it]) => ({ labels: { gateway }, value: flag(isUp(it)) })),
  },
  ...OF_AGENT.flatMap(({ name, type, help }): Family[] => {
    const of = OF_UNITS[name]
    return of === undefined ? [] : [{ name, type, help, samples: (gateways) => samples(gateways, of) }]
  }),
  {
    name: 'gatewatch_centre_refused_messages_total',
    type: 'counter',
    help: 'Messages under the prefix that could not be read as a gateway message.',
    samples: (gateways) => [{ labels: {}, value: gateways.refused() }],
  },
]

function samples({ all }: Gateways, of: SamplesOfUnit): Sample[] {
  return [...all].flatMap(([gateway, { units }]) =>
    [...units.values()].flatMap((unit) =>
      of(unit).map(({ labels, value }) => ({ labels: { gateway, service: unit.service, ...labels }, value })),
    ),
  )
}

/** No series while the gateway does not know the value. */
function one(of: (unit: UnitState) => number | boolean | null | undefined): SamplesOfUnit {
  return (unit) => {
    const value = of(unit) ?? null
    return value === null ? [] : [{ labels: {}, value: Number(value) }]
  }
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
