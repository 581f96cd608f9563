// The dashboard's headline: the overall state of the gateway and its most important detail. Pure.
import { blocks, reportLines } from '../core/health.ts'
import type { StatusView, UnitView } from '../core/views/api-views.ts'
import { ageOf, causeText, firstFew, plural, shortName } from '../core/views/format.ts'
import type { Tone } from './tone.ts'

interface Verdict {
  readonly tone: Tone
  readonly headline: string
  /** One line, or several. */
  readonly detail: string
}

const URGENT: readonly Tone[] = ['bad', 'warn', 'unknown']
/** The headline names this many units; the list below it begins with all of them. */
const UNITS_NAMED = 6

/** Tone and text of one unit's state. */
export function stateOf(unit: UnitView): { readonly tone: Tone; readonly text: string } {
  const { active_state: state } = unit
  if (unit.gave_up) return { tone: 'bad', text: 'gave up' }
  if (unit.flapping) return { tone: 'warn', text: 'flapping' }
  if (state === 'failed') return { tone: 'bad', text: 'failed' }
  if (unit.frozen) return { tone: 'warn', text: 'frozen' }
  if (state === 'active') return { tone: 'ok', text: 'active' }
  if (unit.missing === 'never-started') return { tone: 'warn', text: 'never started' }
  if (state === 'inactive') return { tone: 'idle', text: 'inactive' }
  if (state === 'unloaded') return { tone: 'warn', text: unit.load_state?.replace('-', ' ') ?? 'unloaded' }
  return { tone: state === 'unknown' ? 'unknown' : 'busy', text: state }
}

/** The more urgent, the lower: failures, then warnings, then what is unknown, then everything else. */
function urgencyOf(unit: UnitView): number {
  const at = URGENT.indexOf(stateOf(unit).tone)
  return at < 0 ? URGENT.length : at
}

/** The units that need attention come first; otherwise in the order of the configuration. */
export function byUrgency(units: readonly UnitView[]): readonly UnitView[] {
  return units.toSorted((a, b) => urgencyOf(a) - urgencyOf(b))
}

function needsAttention(unit: UnitView): boolean {
  const { tone } = stateOf(unit)
  return tone === 'bad' || tone === 'warn'
}

/** `lost`: why the gateway does not respond; null while it does. Times in ms of the gateway's clock. */
export function verdictOf(status: StatusView, lost: string | null, nowMs: number): Verdict {
  if (lost !== null) return { tone: 'unknown', headline: 'The gateway does not respond', detail: lost }
  const affected = byUrgency(status.units.filter(needsAttention))
  const failing = (status.checks ?? []).filter(({ healthy }) => !healthy)
  const unmatched = status.unmatched_patterns ?? []
  const reports = [...reportLines(failing), ...unmatched.map(({ pattern, reason }) => `${pattern}: ${reason}`)]
  if (failing.some(blocks)) {
    const detail = affected.length === 0 ? reports : [...reports, alsoAffected(affected)]
    return { tone: 'bad', headline: 'gatewatch has a problem', detail: detail.join('\n') }
  }
  if (affected.length > 0) {
    const tone = affected.some((unit) => stateOf(unit).tone === 'bad') ? 'bad' : 'warn'
    const of = `${affected.length} of ${plural(status.units.length, 'unit')}`
    const headline = `${of} ${affected.length === 1 ? 'needs' : 'need'} attention`
    const problems = affected.map((unit) => `${shortName(unit.service)}: ${problemOf(unit, nowMs)}`)
    return { tone, headline, detail: [firstFew(problems, UNITS_NAMED).join('; '), ...reports].join('\n') }
  }
  if (status.units.length === 0) {
    const reason = ['No unit is configured, or no pattern matches one.', ...reports]
    return { tone: 'warn', headline: 'No unit is watched', detail: reason.join('\n') }
  }
  if (failing.length > 0) return { tone: 'warn', headline: 'gatewatch is degraded', detail: reports.join('\n') }
  if (unmatched.length > 0) {
    const headline = `${plural(unmatched.length, 'pattern')} ${unmatched.length === 1 ? 'matches' : 'match'} no unit`
    return { tone: 'warn', headline, detail: reports.join('\n') }
  }
  const unknown = status.units.filter((unit) => unit.active_state === 'unknown')
  if (unknown.length > 0) {
    const headline = `The state of ${unknown.length} of ${plural(status.units.length, 'unit')} is unknown`
    return { tone: 'unknown', headline, detail: unknown.map((unit) => shortName(unit.service)).join(', ') }
  }
  return { tone: 'ok', headline: 'All OK', detail: lastCrash(status.units, nowMs) }
}

function alsoAffected(units: readonly UnitView[]): string {
  const names = firstFew(
    units.map((unit) => shortName(unit.service)),
    UNITS_NAMED,
  )
  return `${names.join(', ')} also ${units.length === 1 ? 'needs' : 'need'} attention`
}

function problemOf(unit: UnitView, nowMs: number): string {
  const { text } = stateOf(unit)
  return unit.last_crash === null
    ? text
    : `${text}, ${causeText(unit.last_crash)} ${ago(unit.last_crash.timestamp, nowMs)}`
}

function lastCrash(units: readonly UnitView[], nowMs: number): string {
  const latest = units
    .flatMap(({ service, last_crash: crash }) => (crash === null ? [] : [{ service, ...crash }]))
    .sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp))[0]
  if (latest === undefined) return `${plural(units.length, 'unit')} watched, no crash so far.`
  return `${plural(units.length, 'unit')} watched. Last crash: ${shortName(latest.service)}, ${causeText(latest)}, ${ago(latest.timestamp, nowMs)}.`
}

/** `last crash SIGKILL, 12m ago; 1 run ended unobserved` */
export function causeOf(unit: UnitView, nowMs: number): string {
  const { last_crash: crash, counters } = unit
  const refused = Object.values(unit.start_jobs_failed ?? {}).reduce((sum, count) => sum + count, 0)
  const crashed = crash === null ? 'no crash' : `last crash ${causeText(crash)}, ${ago(crash.timestamp, nowMs)}`
  const lost = counters.lost > 0 ? `; ${plural(counters.lost, 'run')} ended unobserved` : ''
  return crashed + lost + (refused > 0 ? `; ${plural(refused, 'start')} refused` : '')
}

/** `12m ago` */
export function ago(timestamp: string, nowMs: number): string {
  const age = ageOf(timestamp, nowMs)
  return age === null ? 'at an unknown time' : `${age} ago`
}
