// Units that start watched ones while they are active (timers, paths, sockets, upholders): follows whether they are.

import type { Bus } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import { unitPropertiesCall } from './manager-api.ts'
import { unitPath } from './unit-path.ts'

/** At most this many units are followed. Whether the others are active remains unknown. */
const TRIGGERS_AT_MOST = 1000

export interface Triggers {
  /** Every unit is about to be read again: so is every unit that starts them, because signals may have been missed. */
  begin(isWatched: (label: string) => boolean): void
  /** `label` is started by these units, as read with its settings. */
  set(label: string, startedBy: readonly string[]): void
  /** Whether the unit at this object path is followed. */
  has(path: string): boolean
  /** The object paths of all that are followed. */
  paths(): readonly string[]
  /** The properties of a PropertiesChanged signal of a followed unit. */
  changed(path: string, properties: unknown): void
}

interface Trigger {
  /** Null until it was read since the last `begin`. */
  active: boolean | null
  isReadRequested: boolean
  readonly labels: Set<string>
}

/** `report` is called with each change of whether anything active starts `label`, and after each `set`. */
export function createTriggers(bus: Bus, report: (label: string, active: boolean) => void): Triggers {
  const byPath = new Map<string, Trigger>()
  const pathsOf = new Map<string, readonly string[]>()
  const reported = new Map<string, boolean>()

  function update(label: string): void {
    const states = (pathsOf.get(label) ?? []).map((path) => byPath.get(path)?.active ?? null)
    const active = states.includes(true)
    if (!active && states.includes(null)) return // not known yet
    if (reported.get(label) === active) return
    reported.set(label, active)
    report(label, active)
  }

  function setActive(trigger: Trigger, active: boolean | null): void {
    if (trigger.active === active) return
    trigger.active = active
    for (const label of trigger.labels) update(label)
  }

  function follow(unit: string, label: string): void {
    const path = unitPath(unit)
    let trigger = byPath.get(path)
    if (trigger === undefined) {
      if (byPath.size >= TRIGGERS_AT_MOST) return
      trigger = { active: null, isReadRequested: false, labels: new Set() }
      byPath.set(path, trigger)
    }
    trigger.labels.add(label)
    if (!trigger.isReadRequested) read(unit, trigger)
  }

  function read(unit: string, trigger: Trigger): void {
    trigger.isReadRequested = true
    bus.request(unitPropertiesCall(unit), (error, [reply]) => {
      // An error says nothing of its state, which remains unknown until it is read again.
      if (error === null) setActive(trigger, isActive(reply))
      else trigger.isReadRequested = false
    })
  }

  function leave(path: string, label: string): void {
    const trigger = byPath.get(path)
    trigger?.labels.delete(label)
    if (trigger?.labels.size === 0) byPath.delete(path)
  }

  function set(label: string, startedBy: readonly string[]): void {
    const paths = startedBy.map(unitPath)
    for (const path of pathsOf.get(label) ?? []) if (!paths.includes(path)) leave(path, label)
    reported.delete(label)
    if (paths.length === 0) {
      pathsOf.delete(label)
      return
    }
    pathsOf.set(label, paths)
    for (const unit of startedBy) follow(unit, label)
    update(label)
  }

  return {
    begin(isWatched) {
      for (const label of pathsOf.keys()) if (!isWatched(label)) set(label, [])
      for (const trigger of byPath.values()) {
        trigger.active = null
        trigger.isReadRequested = false
      }
    },
    set,
    has: (path) => byPath.has(path),
    paths: () => [...byPath.keys()],
    changed(path, properties) {
      const trigger = byPath.get(path)
      if (trigger !== undefined && hasState(properties)) setActive(trigger, isActive(properties))
    },
  }
}

function hasState(properties: unknown): properties is Readonly<Record<string, unknown>> {
  return typeof properties === 'object' && properties !== null && 'ActiveState' in properties
}

/**
 * A timer that has elapsed is active, but does not start its unit again (systemd.timer(5)). Null while a job is queued: a
 * target that upholds a unit starts it before it is active itself.
 */
function isActive(properties: unknown): boolean | null {
  if (!hasState(properties)) return null
  if (plain(properties['ActiveState']) === 'active' && plain(properties['SubState']) !== 'elapsed') return true
  const job = plain(properties['Job'])
  return Array.isArray(job) && job[0] !== 0 ? null : false
}
