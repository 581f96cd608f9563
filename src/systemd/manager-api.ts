// Calls of systemd's D-Bus API (org.freedesktop.systemd1) and of timedate1, with their replies decoded.
import { isUnitName } from '../core/unit-name.ts'
import { type Bus, type Call, errorNameOf } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import { unitPath } from './unit-path.ts'
import type { ListedUnits } from './unmatched-patterns.ts'

export const DRIVER = 'org.freedesktop.DBus'
export const DRIVER_PATH = '/org/freedesktop/DBus'
export const SYSTEMD = 'org.freedesktop.systemd1'
export const MANAGER_PATH = '/org/freedesktop/systemd1'
export const MANAGER = 'org.freedesktop.systemd1.Manager'
export const PROPERTIES = 'org.freedesktop.DBus.Properties'

/** Match rule for systemd joining and leaving the bus. */
export const OWNER_RULE = `type='signal',sender='${DRIVER}',path='${DRIVER_PATH}',interface='${DRIVER}',member='NameOwnerChanged',arg0='${SYSTEMD}'`

/** Queries systemd's unique name; null if it is not on the bus. The reply comes in order with NameOwnerChanged signals. */
export function systemdOwner(bus: Bus, onReply: (error: Error | null, owner: string | null) => void): void {
  const call = { destination: DRIVER, path: DRIVER_PATH, interface: DRIVER, member: 'GetNameOwner' }
  bus.request({ ...call, signature: 's', body: [SYSTEMD] }, (error, [owner]) => {
    if (error !== null && errorNameOf(error) !== 'org.freedesktop.DBus.Error.NameHasNoOwner') onReply(error, null)
    else onReply(null, typeof owner === 'string' && owner !== '' ? owner : null)
  })
}

/** Asks systemd to send signals, which it does only for subscribers. Idempotent; systemd before 256 can lose its list of them. */
export async function subscribe(bus: Bus): Promise<void> {
  try {
    await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, 'Subscribe')
  } catch (error) {
    if (errorNameOf(error) !== 'org.freedesktop.systemd1.AlreadySubscribed') throw error
  }
}

/**
 * The call that reads all properties of a unit atomically (the empty interface name means all interfaces). systemd
 * loads the unit if necessary, also by the path of an alias. If it cannot be loaded, LoadState in the reply shows why.
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

/** The call that reads the properties of `name` that all unit types have: ActiveState, Triggers, ... */
export function unitPropertiesCall(name: string): Call {
  return { ...getAllCall(name), body: ['org.freedesktop.systemd1.Unit'] }
}

/** The call that reads whether `name` is frozen. */
export function freezerStateCall(name: string): Call {
  return getCall(name, 'org.freedesktop.systemd1.Unit', 'FreezerState')
}

/** The call that reads Accept= of a socket; false for one that does not exist. */
export function acceptCall(socket: string): Call {
  return getCall(socket, 'org.freedesktop.systemd1.Socket', 'Accept')
}

/** The call that reads MemoryPeak of a service, which systemd keeps until the next start (from version 255). */
export function memoryPeakCall(name: string): Call {
  return getCall(name, 'org.freedesktop.systemd1.Service', 'MemoryPeak')
}

function getCall(name: string, ofInterface: string, property: string): Call {
  return { ...getAllCall(name), member: 'Get', signature: 'ss', body: [ofInterface, property] }
}

/** The call that reads the type of a queued job: `start`, `restart`, ... */
export function jobTypeCall(job: number): Call {
  return { ...getCall('', 'org.freedesktop.systemd1.Job', 'JobType'), path: `${MANAGER_PATH}/job/${job}` }
}

/** What matches the patterns: loaded units and unit files. */
export async function listUnits(bus: Bus, patterns: readonly string[]): Promise<ListedUnits> {
  if (patterns.length === 0) return { units: [], loaded: new Set(), idle: new Set(), aliases: [], templates: [] }
  const loaded = new Set<string>()
  const idle = new Set<string>()
  const aliases: string[] = []
  const [units] = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, 'ListUnitsByPatterns', 'asas', [[], patterns])
  for (const unit of Array.isArray(units) ? units : []) {
    const [name, , loadState, activeState] = Array.isArray(unit) ? unit : []
    const stub = loadState === 'not-found' && activeState === 'inactive' // only referenced by another unit
    if (typeof name !== 'string' || stub) continue
    loaded.add(name)
    if (activeState === 'inactive') idle.add(name)
  }
  const names = new Set(loaded)
  const [files] = await bus.call(SYSTEMD, MANAGER_PATH, MANAGER, 'ListUnitFilesByPatterns', 'asas', [[], patterns])
  for (const file of Array.isArray(files) ? files : []) {
    const [path, state] = Array.isArray(file) ? file : []
    if (typeof path !== 'string') continue
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (state === 'alias') aliases.push(name)
    else names.add(name)
  }
  const [named, templates] = [[...names].filter(isUnitName), [...names].filter((name) => !isUnitName(name))]
  return { units: named, loaded, idle, aliases, templates }
}

/** Whether the clock is synchronised according to timedate1, which queries the kernel; null if unknown. Starts it. */
export async function ntpSynchronized(bus: Bus | null): Promise<boolean | null> {
  if (bus === null) return null
  const name = 'org.freedesktop.timedate1'
  const get = { destination: name, path: '/org/freedesktop/timedate1', interface: PROPERTIES, member: 'Get' }
  const call = { ...get, signature: 'ss', body: [name, 'NTPSynchronized'], autoStart: true }
  return new Promise((resolve) => {
    bus.request(call, (error, [value]) => {
      const synced = error === null ? plain(value) : null
      resolve(typeof synced === 'boolean' ? synced : null)
    })
  })
}
