// What is told of each unit beyond the replaced program: causes, lost runs, and how it is now.
import { signalNumber } from '../../core/cause.ts'
import { activeState, isUnloaded, missingReason, shownCounters, type Unit } from '../../core/unit.ts'
import { committedUnit, type Family, flag, type Sample, unitGauge, unixSeconds } from '../family.ts'
import { type ScrapeInput, wallMsOf } from '../scrape-input.ts'
import { lastChange } from './services.ts'

/**
 * The results that exist at 0 from the start: the two ways in which any service dies, whatever its settings. The other
 * seven of systemd's (core-dump, timeout, watchdog, oom-kill, protocol, resources, start-limit-hit) need a limit or a
 * setting; they, and failures under a stop job, appear when they happen: 9 results x 2 x 12 units would be 216 of the
 * 350 series that a scrape may have. Alert on systemd_service_crashes_total, which is always there.
 */
const RESULTS_FROM_THE_START: readonly string[] = ['exit-code', 'signal']

export const unitFamilies: readonly Family[] = [
  {
    name: 'gatewatch_unit_failures_total',
    type: 'counter',
    help: "Crashes by systemd's Result; requested: while a stop or restart job was queued.",
    samples: (input) => input.live.units.flatMap((unit) => failures(unit.name, committedUnit(unit, input))),
  },
  {
    ...unitGauge('gatewatch_unit_lost_total', 'Runs whose end nobody saw.', (unit, input) => {
      return shownCounters(committedUnit(unit, input)).lost
    }),
    type: 'counter',
  },
  unitGauge('gatewatch_unit_running', '1 while a run is open.', (unit) => flag(unit.run !== null)),
  unitGauge('gatewatch_unit_flapping', '1 while it crashes again and again.', (unit) => flag(unit.flapping)),
  unitGauge('gatewatch_unit_gave_up', '1 when it failed and systemd will not restart it.', (unit) => flag(unit.gaveUp)),
  unitGauge('gatewatch_unit_loaded', '0 when systemd cannot load the unit.', (unit) => flag(!isUnloaded(unit))),
  {
    name: 'gatewatch_unit_missing',
    type: 'gauge',
    help: '1 while a unit that should be there is not, and why: its load state, or never-started.',
    // No series where all is well: twelve more of them would say nothing.
    samples: ({ live }) =>
      live.units.flatMap((unit) => {
        const reason = missingReason(unit)
        return reason === null ? [] : [{ labels: { service: unit.name, reason }, value: 1 }]
      }),
  },
  unitGauge('gatewatch_unit_last_crash_timestamp_seconds', 'When it last crashed, unix seconds.', ({ lastCrash }) => {
    return lastCrash && unixSeconds(lastCrash.atMs)
  }),
  unitGauge('gatewatch_unit_active_since_timestamp_seconds', 'Since when it is active, unix seconds.', activeSince),
  unitGauge('gatewatch_unit_last_exit_status', 'Exit code of the last crash, where it exited.', (unit) => {
    return unit.lastCrash?.cause.exitCode ?? null
  }),
  unitGauge('gatewatch_unit_last_signal', 'Signal number of the last crash, where one killed it.', (unit) => {
    const name = unit.lastCrash?.cause.signal ?? null
    return name === null ? null : signalNumber(name)
  }),
  unitGauge('gatewatch_unit_memory_bytes', 'Memory of its control group.', ({ name }, { usage }) => {
    return usage.get(name)?.memoryBytes ?? null
  }),
  unitGauge('gatewatch_unit_tasks', 'Processes and threads in its control group.', ({ name }, { usage }) => {
    return usage.get(name)?.tasks ?? null
  }),
  {
    ...unitGauge('gatewatch_unit_cpu_seconds_total', 'CPU time of its run.', ({ name }, { usage }) => {
      return usage.get(name)?.cpuSeconds ?? null
    }),
    type: 'counter',
  },
]

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
 * systemd's last change, or the opening of the run where that is earlier: a reload is a change, too, but not of this.
 * (A run found open at first sight is noted as opened when we looked, which is later than the change.)
 */
function activeSince(unit: Unit, input: ScrapeInput): number | null {
  if (activeState(unit) !== 'active') return null
  const changed = lastChange(unit, input)
  if (unit.run === null) return changed
  const opened = unixSeconds(wallMsOf(unit.run.openedAtMonoMs, input.now))
  return changed === null ? opened : Math.min(changed, opened)
}
