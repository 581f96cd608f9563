// Units that start watched ones while they are active (timers, paths, sockets, upholders): follows whether they are.

import { type Bus, isGone } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import { activeStateCall } from './manager-api.ts'
import { unitPath } from './unit-path.ts'

/** Units that start others; more than that are not followed, and count as inactive. */
const TRIGGERS_AT_MOST = 1000

export interface Triggers {
  /** `label` is started by these units, as read with its settings. */
  set(label: string, startedBy: readonly string[]): void
  /** Whether the unit at this object path is followed. */
  has(path: string): boolean
  /** The properties of a PropertiesChanged signal of a followed unit. */
  changed(path: string, properties: unknown): void
}

interface Trigger {
  active: boolean | null
  readonly labels: Set<string>
}

/** `report` is called with each change of whether anything active starts `label`. */
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

  function setActive(trigger: Trigger, active: boolean): void {
    if (trigger.active === active) return
    trigger.active = active
    for (const label of trigger.labels) update(label)
  }

  function follow(unit: string, label: string): void {
    const path = unitPath(unit)
    const known = byPath.get(path)
    if (known !== undefined) {
      known.labels.add(label)
      return
    }
    const trigger: Trigger = { active: byPath.size < TRIGGERS_AT_MOST ? null : false, labels: new Set([label]) }
    byPath.set(path, trigger)
    if (trigger.active !== null) return
    bus.request(activeStateCall(unit), (error, [reply]) => {
      if (!isGone(error)) setActive(trigger, error === null && isActive(reply))
    })
  }

  return {
    set(label, startedBy) {
      const paths = startedBy.map(unitPath)
      for (const path of pathsOf.get(label) ?? []) if (!paths.includes(path)) leave(byPath, path, label)
      pathsOf.set(label, paths)
      for (const unit of startedBy) follow(unit, label)
      if (paths.length === 0) reported.delete(label)
      else update(label)
    },
    has: (path) => byPath.has(path),
    changed(path, properties) {
      const trigger = byPath.get(path)
      if (trigger !== undefined && hasState(properties)) setActive(trigger, isActive(properties))
    },
  }
}

function leave(byPath: Map<string, Trigger>, path: string, label: string): void {
  const trigger = byPath.get(path)
  trigger?.labels.delete(label)
  if (trigger?.labels.size === 0) byPath.delete(path)
}

function hasState(properties: unknown): properties is Readonly<Record<string, unknown>> {
  return typeof properties === 'object' && properties !== null && 'ActiveState' in properties
}

/** A timer that has elapsed is active, but does not start its unit again (systemd.timer(5)). */
function isActive(properties: unknown): boolean {
  if (!hasState(properties)) return false
  return plain(properties['ActiveState']) === 'active' && plain(properties['SubState']) !== 'elapsed'
}
