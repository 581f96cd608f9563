// gatewatch show: one unit in detail, with its counters if the agent watches it.
import pc from 'picocolors'
import type { Counters } from '../../core/unit.ts'
import type { UnitStatus, UnitTrigger } from '../../core/unit-status.ts'
import { age, bytesText, causeText, plural } from '../../core/views/format.ts'
import { causeJson, unitFactsJson, unitProcessJson, unitStateJson } from '../../core/views/unit-status-json.ts'
import type { Clock, UnitControl } from '../../ports.ts'
import { type AgentClient, AgentNotRunning, RequestFailed } from '../agent-client.ts'
import type { Console, ExitCode } from '../console.ts'
import { fill, stateColor } from '../table.ts'

interface ShowSources {
  readonly control: UnitControl
  readonly client: AgentClient
  readonly wallMsOf: Clock['wallMsOf']
}

/** Exit code 5 if there is no such unit, as systemctl. */
export async function show(
  unit: string,
  json: boolean,
  { control, client, wallMsOf }: ShowSources,
  out: Console,
): Promise<ExitCode> {
  const [status, counters] = await Promise.all([control.status(unit), countersOf(client, unit)])
  if (status.loadState === 'not-found') {
    out.error(`${unit}: no such unit: systemd found no unit file with this name`)
    return 5
  }
  if (json) {
    const properties = withoutSecrets(await control.properties(unit))
    const facts = { ...unitStateJson(status, wallMsOf), ...unitFactsJson(status, wallMsOf), ...unitProcessJson(status) }
    out.stdout(`${JSON.stringify({ ...facts, counters, properties })}\n`)
  } else {
    const sinceMs = status.changedAtMonoMs === null ? null : wallMsOf(status.changedAtMonoMs)
    out.stdout(`${showText(status, sinceMs, counters, out).join('\n')}\n`)
  }
  return 0
}

/** Null if the agent is not running, the request is refused, or the unit is not watched. */
async function countersOf(client: AgentClient, unit: string): Promise<Counters | null> {
  try {
    // Not the unit alone: for its details the agent would query systemd, as this command does.
    const { units } = (await client.get('/api/v1/units')) as { units?: { service: string; counters: Counters }[] }
    return units?.find(({ service }) => service === unit)?.counters ?? null
  } catch (error) {
    if (error instanceof AgentNotRunning || error instanceof RequestFailed) return null
    throw error
  }
}

/** Leaves out the environment, because its values may be secret. */
function withoutSecrets({ Environment: _, ...others }: Readonly<Record<string, string>>) {
  return others
}

function showText(s: UnitStatus, sinceMs: number | null, counters: Counters | null, out: Console): string[] {
  const paint = pc.createColors(out.color)
  const since =
    sinceMs === null ? '' : ` since ${new Date(sinceMs).toISOString().slice(0, 19)}Z (${age(out.now() - sinceMs)})`
  const { cause } = s
  const rows: [string, string | null][] = [
    ['State', `${stateColor(s.activeState, paint)(s.activeState)} (${s.subState})${since}`],
    ['Frozen', s.frozen ? 'yes: its processes are paused' : null],
    ['Cause', cause && causeText(causeJson(cause))],
    ...s.triggers.map((trigger): [string, string] => ['Started by', triggerText(trigger, out.now())]),
    ['Loaded', [s.loadState, s.fileState].filter(Boolean).join(', ')],
    ['File', s.file],
    ['Drop-ins', s.dropIns.join(' ')],
    ['Counted', counters && counted(counters)],
    ['Restarts', s.restarts ? `${s.restarts} by systemd` : null],
    ['Main PID', s.mainPid === null ? null : String(s.mainPid)],
    ['Memory', s.memoryBytes === null ? null : bytesText(s.memoryBytes)],
    ['CPU', s.cpuSeconds === null ? null : `${s.cpuSeconds.toFixed(3)} s`],
    ['Tasks', s.tasks === null ? null : String(s.tasks)],
    ['User', s.user],
    ['Directory', s.workingDirectory],
    ...s.commands.map(({ setting, line }): [string, string] => [setting, line]),
    ['Environment', s.environmentNames.join(' ')],
    ['Env. files', s.environmentFiles.join(' ')],
    ...Object.entries(s.dependencies).map(([kind, units]): [string, string] => [kind, units.join(' ')]),
  ]
  const lines = rows.flatMap(([name, value]) => (value ? row(name, value, out.columns) : []))
  return [`${paint.bold(s.unit)} - ${s.description}`, ...lines]
}

/** What starts the unit, and when next: `backup.timer (active), next in 5m`. */
function triggerText({ unit, activeState, nextMs }: UnitTrigger, nowMs: number): string {
  return `${unit} (${activeState})${nextMs === null ? '' : `, next in ${age(nextMs - nowMs)}`}`
}

const INDENT = 16

function row(name: string, value: string, columns: number | null): string[] {
  const [first = '', ...rest] = fill(value, columns || Number.POSITIVE_INFINITY, ' '.repeat(INDENT))
  return [`${`  ${name}`.padEnd(INDENT)}${first.slice(INDENT)}`, ...rest]
}

function counted(c: Counters): string {
  const { starts, stops, crashes, restarts, lost } = c
  return `${plural(starts, 'start')}, ${plural(stops, 'stop')}, ${plural(crashes, 'crash', 'crashes')}, ${plural(restarts, 'restart')}, ${lost} lost`
}
