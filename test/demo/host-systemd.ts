// The demo's environment on a machine that runs systemd: its units are watched and left alone.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { DEFAULT_UNITS } from '../../src/config/default-units.ts'
import type { DemoEnvironment } from './environment.ts'

const run = promisify(execFile)
const RESPONSE_TIMEOUT_MS = 5_000
const MAX_UNITS = 12

/** Whether systemd responds on the system bus. */
export async function isBusAvailable(): Promise<boolean> {
  const manager = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager']
  try {
    await run('busctl', ['--system', 'get-property', ...manager, 'Version'], { timeout: RESPONSE_TIMEOUT_MS })
    return true
  } catch {
    return false
  }
}

export async function openHostSystemd(): Promise<DemoEnvironment> {
  const args = ['list-units', '--type=service', '--all', '--plain', '--no-legend', '--no-pager', '--full']
  const { stdout } = await run('systemctl', args, { timeout: RESPONSE_TIMEOUT_MS })
  const units = unitsToWatch(stdout)
  if (units.length === 0) throw new Error('this systemd has not loaded any service that could be watched')
  return {
    description: "this machine's systemd",
    busAddress: null,
    units,
    async runScenario(announce) {
      announce('the demo does not change anything here: restart one of these units in another terminal')
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** Loaded services from the output of `systemctl list-units`: the default units first, then those that are active. Pure. */
export function unitsToWatch(table: string): string[] {
  const rows = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([unit, load, active]) => (unit && load === 'loaded' && active ? [{ unit, active }] : []))
  const rank = ({ unit, active }: { unit: string; active: string }) =>
    DEFAULT_UNITS.includes(unit) ? 0 : active === 'inactive' ? 2 : 1
  return rows
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, MAX_UNITS)
    .map(({ unit }) => unit)
}
