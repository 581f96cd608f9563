// gatewatch status: the agent's health and a table of the watched units.
import pc from 'picocolors'
import { blocks, reportLines } from '../../core/health.ts'
import { type Json, unitJson } from '../../core/views/api-json.ts'
import type { CheckView, StatusView, UnitView } from '../../core/views/api-views.ts'
import { age, ageOf, causeText, plural, shortName } from '../../core/views/format.ts'
import { ifRunning, offlineState } from '../agent-or-file.ts'
import type { Console, ExitCode, OfflineState, Sources } from '../console.ts'
import { type Cell, type Column, fill, type Paint, stateColor, table } from '../table.ts'

export async function status(json: boolean, sources: Sources, out: Console): Promise<ExitCode> {
  const reply = (await ifRunning(sources.client.get('/api/v1/status'))) as StatusView | null
  const view = reply ?? offlineStatus(await offlineState(sources, out), sources.stateFile.path)
  if (json) out.stdout(`${JSON.stringify({ agent_running: reply !== null, ...view })}\n`)
  else out.stdout(`${statusText(view, out).join('\n')}\n`)
  return 0
}

function offlineStatus({ state, identity }: OfflineState, path: string): StatusView & Json {
  return {
    gateway_id: identity.gatewayId,
    machine_id: identity.machineId,
    boot_id: state.bootId,
    stream: state.stream,
    state: { path, problem: null },
    units: state.units.map((unit) => unitJson(unit) as unknown as UnitView),
  }
}

const COLUMNS: readonly Column[] = [
  { title: 'UNIT', minWidth: 10 },
  { title: 'STATE' },
  { title: 'SINCE', align: 'right' },
  { title: 'START', align: 'right' },
  { title: 'STOP', align: 'right' },
  { title: 'CRASH', align: 'right' },
  { title: 'RESTART', align: 'right' },
  { title: 'LAST CRASH', minWidth: 10 },
]

/** The lines of text for a terminal of this width. */
export function statusText(
  view: StatusView,
  { columns: wide, color, now }: Pick<Console, 'columns' | 'color' | 'now'>,
): string[] {
  const columns = wide || null // a terminal that does not know its width reports 0
  const paint = pc.createColors(color)
  const rows = view.units.map((unit) => cells(unit, now(), paint))
  const lines = [...health(view, now(), paint), ...table(COLUMNS, rows, columns)]
  const unmatched = (view.unmatched_patterns ?? []).map(({ pattern, reason }) => `${pattern}: ${reason}`)
  const notes = [
    ...unmatched,
    ...(view.missing_evidence ?? []),
    ...view.units.flatMap(remarks),
    ...flashCost(view),
  ].flatMap((note) => fill(note, columns ?? Number.POSITIVE_INFINITY))
  return notes.length === 0 ? lines : [...lines, '', ...notes]
}

function cells(unit: UnitView, now: number, paint: Paint): Cell[] {
  const { counters, last_crash: crash } = unit
  return [
    { text: shortName(unit.service) },
    { text: stateText(unit), paint: stateColor(unit.active_state, paint) },
    { text: (unit.since === null ? null : ageOf(unit.since, now)) ?? '-' },
    { text: String(counters.starts) },
    { text: String(counters.stops) },
    counters.crashes > 0 ? { text: String(counters.crashes), paint: paint.red } : { text: '0' },
    { text: String(counters.restarts) },
    { text: crash === null ? '-' : `${causeText(crash)} ${ageOf(crash.timestamp, now) ?? '(time unknown)'}` },
  ]
}

/** A missing unit shows the reason: not-found, masked, bad-setting, error, never-started. */
function stateText({ active_state, load_state, missing }: UnitView): string {
  return missing ?? (active_state === 'unloaded' ? (load_state ?? active_state) : active_state)
}

/** The health of the agent: one line, and one more for each check that has something to report. */
function health(view: StatusView, now: number, paint: Paint): string[] {
  const { version, gateway_id: gateway, started_at: started, checks = [], not_ready: reasons = [] } = view
  if (version === undefined) return []
  const uptime = started === undefined ? '' : `, up ${age(now - Date.parse(started))}`
  const line = `gatewatch ${version} on ${gateway ?? 'unnamed gateway'}${uptime}: `
  // An older agent has no checks.
  const reports = view.checks === undefined ? reasons : reportLines(checks)
  return [line + verdict(checks, reasons, paint), ...reports.map((report) => `  ${report}`), '']
}

function verdict(checks: readonly CheckView[], reasons: readonly string[], paint: Paint): string {
  if (checks.some(blocks) || reasons.length > 0) return paint.red('not ready')
  return checks.every(({ healthy }) => healthy) ? paint.green('OK') : paint.yellow('degraded')
}

/** `flash: a commit costs 20 KiB (ext4 with blocks of 4 KiB), changes are on flash within 60 s` */
function flashCost({ state }: StatusView): string[] {
  const { file_system: on, commit_bytes: bytes, commit_advice: advice, commit_within: seconds } = state ?? {}
  if (on === undefined || bytes === undefined || seconds === undefined) return []
  const cost = `a commit costs ${Math.round(bytes / 1024)} KiB (${on}${advice ? `; ${advice}` : ''})`
  return [`flash: ${cost}; changes are on flash within ${Math.round(seconds)} s`]
}

function remarks(unit: UnitView): string[] {
  const lines: string[] = []
  const name = shortName(unit.service)
  if (unit.gave_up) lines.push(`${name}: gave up (systemd will not restart it); see 'systemctl status ${name}'`)
  if (unit.missing === 'never-started')
    lines.push(`${name}: enabled, but not started since boot; see 'systemctl status ${name}'`)
  if (unit.flapping) lines.push(`${name}: flapping`)
  if (unit.frozen) lines.push(`${name}: frozen (its processes are paused); 'systemctl thaw ${name}' resumes them`)
  const refused = unit.running === false ? (unit.start_jobs_failed?.['dependency'] ?? 0) : 0
  if (refused > 0) {
    const starts = refused === 1 ? '1 start was' : `${refused} starts were`
    lines.push(`${name}: ${starts} refused because a unit that it requires failed; see 'systemctl status ${name}'`)
  }
  if (unit.counters.lost > 0) lines.push(`${name}: ${plural(unit.counters.lost, 'run')} ended unobserved (lost)`)
  return lines
}
