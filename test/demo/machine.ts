// The stage where systemd runs already: its own units, only watched, never touched.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import type { Stage } from './stage.ts'

const run = promisify(execFile)
const ANSWER_WITHIN_MS = 5_000
const UNITS_AT_MOST = 12

/** Whether systemd can be asked on the system bus. */
export async function busAnswers(): Promise<boolean> {
  const manager = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager']
  try {
    await run('busctl', ['--system', 'get-property', ...manager, 'Version'], { timeout: ANSWER_WITHIN_MS })
    return true
  } catch {
    return false
  }
}

export async function machineStage(): Promise<Stage> {
  const wanted = ['list-units', '--type=service', '--all', '--plain', '--no-legend', '--no-pager', '--full']
  const { stdout } = await run('systemctl', wanted, { timeout: ANSWER_WITHIN_MS })
  const units = chosen(stdout)
  if (units.length === 0) throw new Error('this systemd has no services loaded that could be watched')
  return {
    where: "this machine's systemd",
    bus: null,
    units,
    async play(tell) {
      tell('nothing is touched here: restart one of these units in another terminal, and see')
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Services out of systemctl's table that exist here: a gateway's own first, then those that run. Pure. */
export function chosen(table: string): string[] {
  const rows = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([unit, load, active]) => (unit && load === 'loaded' && active ? [{ unit, active }] : []))
  const rank = ({ unit, active }: { unit: string; active: string }) =>
    DEFAULT_UNITS.includes(unit) ? 0 : active === 'inactive' ? 2 : 1
  return rows
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, UNITS_AT_MOST)
    .map(({ unit }) => unit)
}
