// What is asked of systemd itself, and of the clock: the calls, and the sense of their answers.
import { isUnitName } from '../core/unit-name.ts'
import { type Bus, type Call, errorNameOf } from '../dbus/bus.ts'
import { unitPath } from './unit-path.ts'

export const DRIVER = 'org.freedesktop.DBus'
export const DRIVER_PATH = '/org/freedesktop/DBus'
export const SYSTEMD = 'org.freedesktop.systemd1'
export const MANAGER_PATH = '/org/freedesktop/systemd1'
export const MANAGER = 'org.freedesktop.systemd1.Manager'
export const PROPERTIES = 'org.freedesktop.DBus.Properties'

/** Coming and going of systemd on the bus. */
export const OWNER_RULE = `type='signal',sender='${DRIVER}',path='${DRIVER_PATH}',interface='${DRIVER}',member='NameOwnerChanged',arg0='${SYSTEMD}'`

/** The rules for everything that a watcher hears, and for nothing else. */
export const MATCH_RULES: readonly string[] = [
  OWNER_RULE,
  ...['UnitNew', 'UnitRemoved', 'Reloading'].map(
    (member) => `type='signal',sender='${SYSTEMD}',path='${MANAGER_PATH}',interface='${MANAGER}',member='${member}'`,
  ),
  `type='signal',sender='${SYSTEMD}',path_namespace='${MANAGER_PATH}/unit',interface='${PROPERTIES}',member='PropertiesChanged'`,
]

/** Tells systemd's unique name, null while it is not on the bus, at its place among the signals of its coming and going. */
export function systemdOwner(bus: Bus, told: (error: Error | null, owner: string | null) => void): void {
  const call = { destination: DRIVER, path: DRIVER_PATH, interface: DRIVER, member: 'GetNameOwner' }
  bus.request({ ...call, signature: 's', body: [SYSTEMD] }, (error, [owner]) => {
    if (error !== null && errorNameOf(error) !== 'org.freedesktop.DBus.Error.NameHasNoOwner') told(error, null)
    else told(null, typeof owner === 'string' && owner !== '' ? owner : null)
  })
}

/** Without a subscriber systemd tells nothing. Idempotent; systemd before 256 can lose its list. */
export async function subscribe(bus: Bus): Promise<void> {
  try {
    await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, 'Subscribe')
  } catch (error) {
    if (errorNameOf(error) !== 'org.freedesktop.systemd1.AlreadySubscribed') throw error
  }
}

/**
 * All properties of a unit in one atomic answer (the empty interface means all). systemd loads the unit for it where it
 * is not, also by the path of an alias, and answers for what cannot be loaded as well (LoadState says so).
 */
export function getAllCall(name: string): Call {
  return {
    destination: SYSTEMD,
    path: unitPath(name),
    interface: PROPERTIES,
    member: 'GetAll',
    signature: 's',
    body: [''],
  }
}

/** Units that the patterns stand for: those loaded, and those with a file of their own that is no alias. */
export async function listUnits(bus: Bus, patterns: readonly string[]): Promise<string[]> {
  if (patterns.length === 0) return []
  const names = new Set<string>()
  const [units] = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, 'ListUnitsByPatterns', 'asas', [[], patterns])
  for (const unit of Array.isArray(units) ? units : []) {
    const [name, , loadState, activeState] = Array.isArray(unit) ? unit : []
    const stub = loadState === 'not-found' && activeState === 'inactive' // only named by another unit
    if (typeof name === 'string' && !stub) names.add(name)
  }
  const [files] = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, 'ListUnitFilesByPatterns', 'asas', [[], patterns])
  for (const file of Array.isArray(files) ? files : []) {
    const [path, state] = Array.isArray(file) ? file : []
    if (typeof path === 'string' && state !== 'alias') names.add(path.slice(path.lastIndexOf('/') + 1))
  }
  return [...names].filter(isUnitName)
}

/** timedate1's word on the clock, null where nobody is there to say; it is not started for this. */
export async function ntpSynchronized(bus: Bus): Promise<boolean | null> {
  try {
    const name = 'org.freedesktop.timedate1'
    const body = [name, 'NTPSynchronized']
    const [synced] = await bus.call(name, '/org/freedesktop/timedate1', PROPERTIES, 'Get', 'ss', body, 5000)
    return typeof synced === 'boolean' ? synced : null
  } catch {
    return null
  }
}
