// Metric families of each unit that the former program did not have: causes, lost runs, current state, resources.
import { signalNumber } from '../../core/cause.ts'
import { shownCounters, type Unit } from '../../core/unit.ts'
import { isKnown, isNotStarted, isUnloaded, missingReason, shownState } from '../../core/unit-facts.ts'
import { committedUnit, type Family, flag, ofUnits, type Sample, unitGauge, unixSeconds } from '../family.ts'
import { lastChange } from './services.ts'

/**
 * The results with a series at 0 from the start: the two that any service can have, whatever its settings. systemd's
 * other seven (core-dump, timeout, watchdog, oom-kill, protocol, resources, start-limit-hit) require a limit or a
 * setting. They, and failures under a stop job, appear when they happen: 9 results x 2 x 12 units would be 216 of the
 * 350 series allowed per scrape. Alert on systemd_service_crashes_total, which always exists.
 */
const RESULTS_FROM_THE_START: readonly string[] = ['exit-code', 'signal']

const families: readonly Family[] = [
  {
    name: 'gatewatch_unit_failures_total',
    type: 'counter',
    help: 'Crashes by systemd Result; requested: whether a stop or restart job ended the run.',
    samples: (input) => input.live.units.flatMap((unit) => failures(unit.name, committedUnit(unit, input))),
  },
  {
    ...unitGauge('gatewatch_unit_lost_total', 'Runs whose end was not observed.', (unit, input) => {
      return shownCounters(committedUnit(unit, input)).lost
    }),
    type: 'counter',
  },
  {
    name: 'gatewatch_unit_start_jobs_failed_total',
    type: 'counter',
    help: 'Start jobs that ended without a run, by job result.',
    samples: (input) => input.live.units.flatMap((unit) => startJobsFailed(unit.name, committedUnit(unit, input))),
  },
  unitGauge(
    'gatewatch_unit_running',
    '1 while a run is in progress.',
    whileKnown((unit) => unit.run !== null),
  ),
  unitGauge(
    'gatewatch_unit_flapping',
    '1 while the unit crashes repeatedly.',
    whileKnown((unit) => unit.flapping),
  ),
  unitGauge(
    'gatewatch_unit_gave_up',
    '1 if the unit failed and nothing active will start it again.',
    whileKnown((unit) => unit.gaveUp),
  ),
  unitGauge('gatewatch_unit_loaded', '0 if systemd cannot load the unit.', (unit) =>
    isKnown(unit) && unit.settings !== null ? flag(!isUnloaded(unit)) : null,
  ),
  unitGauge('gatewatch_unit_frozen', '1 while the processes of the unit are frozen; absent otherwise.', (unit) =>
    isKnown(unit) && unit.snapshot.frozen ? 1 : null,
  ),
  unitGauge(
    'gatewatch_unit_not_started',
    '1 if the unit ran in an earlier boot, and was not active in this one; absent otherwise.',
    (unit) => (isNotStarted(unit) ? 1 : null),
  ),
  {
    name: 'gatewatch_unit_missing',
    type: 'gauge',
    help: '1 if an expected unit is missing; reason: its load state, or never-started.',
    // No series for units that are not missing, to stay within the limit of series per scrape.
    samples: ({ live }) =>
      live.units.flatMap((unit) => {
        const reason = missingReason(unit)
        return reason === null ? [] : [{ labels: { service: unit.name, reason }, value: 1 }]
      }),
  },
  unitGauge(
    'gatewatch_unit_last_crash_timestamp_seconds',
    'Unix time of the last crash, in seconds.',
    ({ lastCrash }) => {
      return lastCrash && unixSeconds(lastCrash.atMs)
    },
  ),
  unitGauge(
    'gatewatch_unit_active_since_timestamp_seconds',
    'Unix time at which the unit became active, in seconds.',
    activeSince,
  ),
  unitGauge('gatewatch_unit_last_exit_status', 'Exit status of the last crash, if the process exited.', (unit) => {
    return unit.lastCrash?.cause.exitCode ?? null
  }),
  unitGauge('gatewatch_unit_last_signal', 'Signal number of the last crash, if a signal ended the process.', (unit) => {
    const name = unit.lastCrash?.cause.signal ?? null
    return name === null ? null : signalNumber(name)
  }),
]

export const unitFamilies: readonly Family[] = families.map(ofUnits)

/** What the units use, which is read from the kernel for each scrape. */
export const unitUsageFamilies: readonly Family[] = [
  unitGauge('gatewatch_unit_memory_bytes', "Memory used by the unit's control group.", ({ name }, { usage }) => {
    return usage.get(name)?.memoryBytes ?? null
  }),
  unitGauge('gatewatch_unit_tasks', "Processes and threads in the unit's control group.", ({ name }, { usage }) => {
    return usage.get(name)?.tasks ?? null
  }),
  {
    ...unitGauge('gatewatch_unit_cpu_seconds_total', 'CPU time used by the current run.', ({ name }, { usage }) => {
      return usage.get(name)?.cpuSeconds ?? null
    }),
    type: 'counter',
  },
]

/** No series while the state of the unit is unknown. */
function whileKnown(value: (unit: Unit) => boolean): (unit: Unit) => number | null {
  return (unit) => (isKnown(unit) ? flag(value(unit)) : null)
}

/** `dependency` exists from the start; the other results appear when they happen. */
function startJobsFailed(service: string, { startJobsFailed: counts }: Unit): readonly Sample[] {
  return Object.entries({ dependency: 0, ...counts }).map(([result, value]) => ({ labels: { service, result }, value }))
}

function failures(service: string, unit: Unit): readonly Sample[] {
  const samples: Sample[] = []
  const add = (result: string, requested: boolean, value: number) =>
    samples.push({ labels: { service, result, requested: String(requested) }, value })
  for (const result of new Set([...RESULTS_FROM_THE_START, ...Object.keys(unit.failures)])) {
    const counted = unit.failures[result] ?? { unrequested: 0, requested: 0 }
    if (counted.unrequested > 0 || RESULTS_FROM_THE_START.includes(result)) add(result, false, counted.unrequested)
    if (counted.requested > 0) add(result, true, counted.requested)
  }
  return samples
}

/**
 * The earlier of systemd's last state change and the start of the run: a reload changes the state too, but the unit
 * stays active. (The recorded start of a run that was already active when first seen is later than the change.)
 */
function activeSince(unit: Unit): number | null {
  if (shownState(unit) !== 'active') return null
  const changed = lastChange(unit)
  if (unit.run === null) return changed
  const opened = unixSeconds(unit.run.openedAtMs)
  return changed === null ? opened : Math.min(changed, opened)
}
