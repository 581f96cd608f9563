// Reports a failing seed: the differences, the actions, and for each unit all observations next to the journal's lines.
import type { Event } from '../../src/core/event.ts'
import type { Observation } from '../../src/core/observation.ts'
import { actionText, type Outcome } from './drive.ts'
import type { Plan } from './plan.ts'

/** The short form, for the terminal. */
export function failureText({ seed, variant, journal, hog, actions }: Plan, differences: readonly string[]): string {
  const performed = actions.filter((a) => a.do !== 'wait' || a.ms > 0).map((action) => `    ${actionText(action)}`)
  return [
    `seed ${seed} (${variant}${journal ? ', with the journal' : ''}${hog ? ', beside a CPU hog' : ''}):`,
    ...differences.map((d) => `  ${d}`),
    '  after',
    ...performed,
  ].join('\n')
}

/** The long form, for a file: one line for each observation, journal line and action, in order of time. */
export function failureReport(plan: Plan, outcome: Outcome): string {
  const units = [...new Set(outcome.differences.map((d) => d.slice(0, d.indexOf(':'))))]
  return [failureText(plan, outcome.differences), ...units.map((unit) => unitReport(unit, plan, outcome))].join('\n\n')
}

function unitReport(unit: string, plan: Plan, outcome: Outcome): string {
  const lines: [ms: number, text: string][] = [
    ...outcome.actions.map(({ ms, text }): [number, string] => [ms, `> ${text}`]),
    ...outcome.observations
      .filter((o) => !('unit' in o) || o.unit === unit)
      .map((o): [number, string] => [o.at.monoMs, observationLine(o)]),
    ...outcome.journal.split('\n').flatMap((line): [number, string][] => journalLine(line, unit)),
  ]
  const events = outcome.events.filter((event) => event.unit === unit).map(eventLine)
  const timeline = lines.sort((a, b) => a[0] - b[0]).map(([ms, text]) => `${ms.toFixed(1)} ${text}`)
  return [`=== ${unit}`, plan.files[unit] ?? '', ...events, ...timeline].join('\n')
}

function observationLine(o: Observation): string {
  if (o.kind !== 'signal' && o.kind !== 'read') return o.kind
  const s = o.snapshot
  const restart = o.kind === 'read' ? ` Restart=${o.settings.restart}` : ''
  const cause = `${s.result} ${s.mainCode}/${s.mainStatus} NRestarts=${s.nRestarts}${restart}`
  return `${o.kind} ${s.activeState}/${s.subState} ${s.invocationId?.slice(0, 6)} job=${s.job} ${cause}`
}

function eventLine(event: Event): string {
  const id = 'invocationId' in event ? event.invocationId?.slice(0, 6) : ''
  return `   event ${event.kind} (${event.source}) ${id} ${'result' in event ? event.result : ''}`
}

function journalLine(line: string, unit: string): [number, string][] {
  if (line === '') return []
  const e = JSON.parse(line) as Record<string, string | undefined>
  if (e['UNIT'] !== undefined && e['UNIT'] !== unit) return []
  const job = e['JOB_ID'] === undefined ? '' : `job=${e['JOB_ID']} ${e['JOB_TYPE']}`
  return [
    [
      Number(e['__MONOTONIC_TIMESTAMP']) / 1000,
      `   | ${e['INVOCATION_ID']?.slice(0, 6) ?? '-'} ${job} ${e['MESSAGE']}`,
    ],
  ]
}
