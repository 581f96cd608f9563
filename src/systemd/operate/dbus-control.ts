// The D-Bus back end of unit control: runs each command as a job of systemd and waits for the job's result.
import { type Action, type CommandResult, ControlError, type Outcome } from '../../core/command.ts'
import type { ListedUnit, UnitStatus } from '../../core/unit-status.ts'
import type { connectBus } from '../../dbus/connection.ts'
import { plain } from '../../dbus/variants.ts'
import type { Clock, UnitControl } from '../../ports.ts'
import { getAllCall } from '../manager-api.ts'
import { controlError, problemText } from './errors.ts'
import { createJobBus, type JobBus } from './job-bus.ts'
import { plainTexts } from './property-text.ts'
import {
  byName,
  causeIn,
  type Properties,
  STATUS_PROPERTIES,
  skippedIn,
  statusIn,
  triggerIn,
  triggersIn,
} from './unit-status.ts'

interface DbusControlOptions {
  readonly address: string
  readonly after: Clock['after']
  readonly now: Clock['now']
  /** How long to wait for a reply, or for the end of a job. */
  readonly timeoutMs: number
  /** Additional attempts while systemd cannot be reached. */
  readonly retries: () => number
  readonly connect?: typeof connectBus
}

export interface DbusControl extends UnitControl {
  /** Connects unless it is connected; rejects with a `ControlError` if systemd cannot be reached. */
  reach(): Promise<void>
}

/** Connects on the first operation. */
export function createDbusControl(options: DbusControlOptions): DbusControl {
  const bus = createJobBus({ ...options, properties: STATUS_PROPERTIES })
  /** For reading all properties of a unit, which is rare. */
  const allProperties = createJobBus(options)
  return {
    async run(action, unit, noWait = false) {
      try {
        return await ACTIONS[action](bus, unit, noWait)
      } catch (error) {
        throw controlError(error, `${action} ${unit}`, unit)
      }
    },
    async daemonReload() {
      await bus.request(bus.manager('Reload')).catch(fails('reload the unit files', 'the unit files'))
    },
    async list() {
      const [units] = (await bus.request(bus.manager('ListUnits')).catch(fails('list units', 'units'))).map(plain)
      return (Array.isArray(units) ? units : []).map(listed).sort(byName)
    },
    status: (unit) => statusOf(bus, unit, options.now).catch(fails(`read the properties of ${unit}`, unit)),
    async properties(unit) {
      const [properties] = await allProperties
        .request(getAllCall(unit))
        .catch(fails(`read the properties of ${unit}`, unit))
      return plainTexts(properties as Properties)
    },
    reach: bus.reach,
    close() {
      bus.close()
      allProperties.close()
    },
  }
}

function fails(what: string, unit: string): (error: unknown) => never {
  return (error) => {
    throw controlError(error, what, unit)
  }
}

/** Converts a row of ListUnits: name, description, load, active and sub state, and more. */
function listed(row: unknown): ListedUnit {
  const [unit, description, loadState, activeState, subState] = (row as unknown[]).map(String)
  return { unit: unit ?? '', description: description ?? '', ...states(loadState, activeState, subState) }
}

function states(loadState = 'unknown', activeState = 'unknown', subState = 'unknown') {
  return { loadState, activeState, subState }
}

type RunAction = (bus: JobBus, unit: string, noWait: boolean) => Promise<CommandResult>

const ACTIONS: Readonly<Record<Action, RunAction>> = {
  start: jobOf('StartUnit'),
  stop: jobOf('StopUnit'),
  restart: jobOf('RestartUnit'),
  reload: jobOf('ReloadUnit'),
  'reset-failed': resetFailed,
  enable: (bus, unit) => unitFile(bus, unit, bus.manager('EnableUnitFiles', 'asbb', [[unit], false, false])),
  disable: (bus, unit) => unitFile(bus, unit, bus.manager('DisableUnitFiles', 'asb', [[unit], false])),
}

function jobOf(member: 'StartUnit' | 'StopUnit' | 'RestartUnit' | 'ReloadUnit'): RunAction {
  return async (bus, unit, noWait) => {
    const call = bus.manager(member, 'ss', [unit, 'replace'])
    if (noWait) {
      await bus.request(call)
      return { outcome: 'queued', cause: null }
    }
    const outcome = OUTCOMES[await bus.job(call)] ?? 'failed'
    if (outcome === 'failed' || outcome === 'timeout') return { outcome, cause: causeIn(await read(bus, unit)) }
    const started = outcome === 'done' && (member === 'StartUnit' || member === 'RestartUnit')
    return { outcome: started && skippedIn(await read(bus, unit)) ? 'skipped' : outcome, cause: null }
  }
}

/** By job result (org.freedesktop.systemd1(5)); any other result, such as `invalid` or `assert`, is a failure. */
const OUTCOMES: Readonly<Record<string, Outcome>> = {
  done: 'done',
  skipped: 'skipped',
  canceled: 'canceled',
  timeout: 'timeout',
  dependency: 'dependency',
}

/** A unit that is not loaded has no failure to reset: for an existing unit that counts as done. */
async function resetFailed(bus: JobBus, unit: string): Promise<CommandResult> {
  try {
    await bus.request(bus.manager('ResetFailedUnit', 's', [unit]))
  } catch (error) {
    const problem = controlError(error, `reset-failed ${unit}`, unit)
    if (problem.code !== 'no_such_unit' || (await read(bus, unit))['LoadState'] === 'not-found') throw problem
  }
  return { outcome: 'done', cause: null }
}

/** Changes the links of a unit file, then reloads systemd, as `systemctl enable` does. */
async function unitFile(bus: JobBus, unit: string, call: Parameters<JobBus['request']>[0]): Promise<CommandResult> {
  await bus.request(call)
  await bus.request(bus.manager('Reload'))
  const [state] = await bus.request(bus.manager('GetUnitFileState', 's', [unit]))
  return { outcome: state === 'static' ? 'skipped' : 'done', cause: null }
}

async function statusOf(bus: JobBus, unit: string, now: Clock['now']): Promise<UnitStatus> {
  const properties = await read(bus, unit)
  const triggers = triggersIn(properties).map(async (name) => triggerIn(name, await read(bus, name), now()))
  return statusIn(unit, properties, await Promise.all(triggers))
}

/** The properties that a status consists of; systemd loads the unit if necessary. */
async function read(bus: JobBus, unit: string): Promise<Properties> {
  const [properties] = (await bus.request(getAllCall(unit))).map(plain)
  if (typeof properties !== 'object' || properties === null)
    throw new ControlError(
      'refused',
      problemText('refused', `read the properties of ${unit}`, unit, 'its reply contains no properties'),
    )
  return properties as Properties
}
