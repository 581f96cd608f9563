// Derives the path of a unit's control group, also for a unit that is not running yet. Pure.

export interface UnitCgroup {
  readonly id: string
  /** As reported by systemd; empty while the unit is not running. */
  readonly controlGroup: string
  readonly slice: string
}

interface CgroupPaths {
  note(label: string, cgroup: UnitCgroup): void
  /** Null for a unit type without a control group, and before the unit was read. */
  of(label: string, root: string): string | null
  /** Forgets all units except these. */
  keep(has: (label: string) => boolean): void
}

/** The control groups of the watched units, as last read. */
export function createCgroupPaths(): CgroupPaths {
  const cgroups = new Map<string, UnitCgroup>()
  return {
    note: (label, { id, controlGroup, slice }) => void cgroups.set(label, { id, controlGroup, slice }),
    of(label, root) {
      const cgroup = cgroups.get(label)
      return cgroup === undefined ? null : cgroupPathOf(cgroup, root)
    },
    keep(has) {
      for (const label of cgroups.keys()) if (!has(label)) cgroups.delete(label)
    },
  }
}

/** Names reserved by the kernel in every control group; systemd prefixes them with `_` (cg_escape()). */
const ESCAPED = /^(?:[_.]|cgroup\.|(?:cpu|cpuacct|cpuset|io|blkio|memory|devices|pids)\.)/

/**
 * For example `/system.slice/mosquitto.service`. systemd reports it only for a running unit; otherwise it is derived
 * from the unit's slice and `root`, the control group of systemd itself. Null for a unit type without one.
 */
export function cgroupPathOf(unit: UnitCgroup, root: string): string | null {
  if (unit.controlGroup !== '') return unit.controlGroup
  if (!unit.slice.endsWith('.slice')) return null
  const slice = unit.slice === '-.slice' ? '' : slicePath(unit.slice.slice(0, -'.slice'.length))
  return `${root === '/' ? '' : root}${slice}/${ESCAPED.test(unit.id) ? '_' : ''}${unit.id}`
}

/** `a-b` -> `/a.slice/a-b.slice` (systemd.slice(5)). */
function slicePath(name: string): string {
  const parts = name.split('-')
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join('-')}.slice`).join('')
}
