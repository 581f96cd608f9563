// The `systemctl` back end of unit control, for when the bus is not available. It relies on exit codes, JSON and NAME=VALUE output, never on messages (systemd 247 or newer).
import type { Action, CommandResult } from '../../core/command.ts'
import type { ListedUnit } from '../../core/unit-status.ts'
import type { Clock, UnitControl } from '../../ports.ts'
import { shownTexts } from './property-text.ts'
import { createSystemctl, type RunSystemctl, systemctlError } from './systemctl.ts'
import { outcomeOf } from './systemctl-outcome.ts'
import { shownProperties } from './systemctl-show.ts'
import {
  byName,
  causeIn,
  type Properties,
  STATUS_TYPES,
  skippedIn,
  statusIn,
  triggerIn,
  triggersIn,
} from './unit-status.ts'

interface SystemctlOptions {
  readonly run: RunSystemctl
  readonly timeoutMs: number
  readonly now: Clock['now']
  readonly isRoot: boolean
}

/** A row of `systemctl list-units --output=json`. */
type UnitRow = Readonly<Record<'unit' | 'description' | 'load' | 'active' | 'sub', string>>

/** Times with microseconds. */
const UTC = '--timestamp=us+utc'
const STATUS = `--property=${Object.keys(STATUS_TYPES).join(',')}`

export function createSystemctlControl({ run, timeoutMs, now, isRoot }: SystemctlOptions): UnitControl {
  const systemctl = createSystemctl(run, timeoutMs)

  const read = async (unit: string): Promise<Properties> =>
    shownProperties(await systemctl.query(`read the properties of ${unit}`, unit, 'show', STATUS, UTC, '--', unit))

  const job = async (
    action: 'start' | 'stop' | 'restart' | 'reload',
    unit: string,
    noWait: boolean,
  ): Promise<CommandResult> => {
    const startedAtMs = now().monoMs
    const what = `${action} ${unit}`
    const { code, stderr } = await systemctl.run(what, unit, action, ...(noWait ? ['--no-block'] : []), '--', unit)
    if (code === 0) {
      if (noWait) return { outcome: 'queued', cause: null }
      const started = action === 'start' || action === 'restart'
      return { outcome: started && skippedIn(await read(unit)) ? 'skipped' : 'done', cause: null }
    }
    const properties = await read(unit)
    const verdict = await outcomeOf({ action, code, properties, startedAtMs, isRoot, read })
    if (verdict.problem !== undefined) throw systemctlError(verdict.problem, what, unit, stderr)
    const { outcome } = verdict
    return { outcome, cause: outcome === 'failed' || outcome === 'timeout' ? causeIn(properties) : null }
  }

  const resetFailed = async (unit: string): Promise<CommandResult> => {
    const what = `reset-failed ${unit}`
    const { code, stderr } = await systemctl.run(what, unit, 'reset-failed', '--', unit)
    if (code !== 0) {
      const { LoadState: load, ActiveState: state } = await read(unit)
      if (load === 'not-found') throw systemctlError('no_such_unit', '', unit, stderr)
      if (state === 'failed') throw systemctlError(isRoot ? 'refused' : 'denied', what, unit, stderr)
    }
    return { outcome: 'done', cause: null }
  }

  const unitFile = async (action: 'enable' | 'disable', unit: string): Promise<CommandResult> => {
    const what = `${action} ${unit}`
    const { code, stderr } = await systemctl.run(what, unit, action, '--', unit)
    const state = (await systemctl.run(what, unit, 'is-enabled', '--', unit)).stdout.trim()
    if (code === 0) return { outcome: state === 'static' ? 'skipped' : 'done', cause: null }
    const missing = state === '' || state === 'not-found'
    const masked = state.startsWith('masked')
    const problem = missing ? 'no_such_unit' : masked ? 'masked' : isRoot ? 'refused' : 'denied'
    throw systemctlError(problem, what, unit, stderr)
  }

  return {
    run(action: Action, unit: string, noWait = false): Promise<CommandResult> {
      switch (action) {
        case 'start':
        case 'stop':
        case 'restart':
        case 'reload':
          return job(action, unit, noWait)
        case 'reset-failed':
          return resetFailed(unit)
        case 'enable':
        case 'disable':
          return unitFile(action, unit)
      }
    },
    async daemonReload() {
      const what = 'reload the unit files'
      const { code, stderr } = await systemctl.run(what, 'the unit files', 'daemon-reload')
      if (code !== 0) throw systemctlError(isRoot ? 'unreachable' : 'denied', what, 'the unit files', stderr)
    },
    async list() {
      const args = ['list-units', '--all', '--full', '--output=json']
      const rows = JSON.parse(await systemctl.query('list units', 'units', ...args)) as UnitRow[]
      return rows.map(listedUnit).sort(byName)
    },
    async status(unit) {
      const properties = await read(unit)
      const triggers = triggersIn(properties).map(async (name) => triggerIn(name, await read(name), now()))
      return statusIn(unit, properties, await Promise.all(triggers))
    },
    properties: async (unit) =>
      shownTexts(await systemctl.query(`read the properties of ${unit}`, unit, 'show', '--all', UTC, '--', unit)),
    close() {},
  }
}

function listedUnit({ unit, description, load, active, sub }: UnitRow): ListedUnit {
  return { unit, description, loadState: load, activeState: active, subState: sub }
}
