// gatewatch system: the state of systemd, its jobs, boot times, and the resource usage of the gateway.
import pc from 'picocolors'
import type { Json } from '../../core/views/api-json.ts'
import type { SystemView } from '../../core/views/api-views.ts'
import { ifRunning } from '../agent-or-file.ts'
import type { Console, ExitCode, Sources } from '../console.ts'
import { type Column, table } from '../table.ts'

const JOB_COLUMNS: readonly Column[] = [
  { title: 'JOB', align: 'right' },
  { title: 'UNIT', minWidth: 10 },
  { title: 'TYPE' },
  { title: 'STATE' },
]

/** `directly` queries systemd, if the agent is not running. */
export async function system(
  json: boolean,
  { client }: Sources,
  directly: () => Promise<Json>,
  out: Console,
): Promise<ExitCode> {
  const view = ((await ifRunning(client.get('/api/v1/system'))) ?? (await directly())) as unknown as SystemView
  out.stdout(json ? `${JSON.stringify(view)}\n` : `${systemText(view, out).join('\n')}\n`)
  return 0
}

/** The lines of text for a terminal of this width. */
export function systemText(view: SystemView, { color, columns }: Pick<Console, 'color' | 'columns'>): string[] {
  const paint = pc.createColors(color)
  const state = view.state === 'running' ? paint.green(view.state) : paint.red(view.state)
  const jobs = view.queue.map(({ id, unit, type, state: at }) => [String(id), unit, type, at].map((text) => ({ text })))
  return [
    `systemd ${view.systemd_version}: ${state}`,
    ...line('boot time', bootText(view.boot_seconds)),
    ...line('in use', usageText(view.host)),
    ...line('failed', view.failed.join(', ')),
    ...(jobs.length > 0 ? ['', ...table(JOB_COLUMNS, jobs, columns || null)] : []),
  ]
}

function line(what: string, text: string): string[] {
  return text === '' ? [] : [`  ${what}: ${text}`]
}

function bootText(stages: SystemView['boot_seconds']): string {
  const known = Object.entries(stages).filter(([, seconds]) => seconds !== null)
  return known.map(([stage, seconds]) => `${stage} ${seconds?.toFixed(1)} s`).join(', ')
}

function usageText({ memory_used_ratio, cpu_used_ratio, disks, flash }: SystemView['host']): string {
  const parts: [string, number | null][] = [
    ['memory', memory_used_ratio],
    ['CPU', cpu_used_ratio],
    ...disks.map(({ path, used_ratio }): [string, number] => [`disk ${path}`, used_ratio]),
    ...flash.map(({ device, life_used_ratio }): [string, number] => [`flash life of ${device}`, life_used_ratio]),
  ]
  const known = parts.filter(([, part]) => part !== null)
  return known.map(([what, part]) => `${what} ${Math.round((part ?? 0) * 100)} %`).join(', ')
}
