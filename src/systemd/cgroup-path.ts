// Where the kernel accounts for a unit: the path of its control group, also of a unit that does not run yet. Pure.

interface UnitCgroup {
  readonly id: string
  /** As systemd says; empty while the unit does not run. */
  readonly controlGroup: string
  readonly slice: string
}

export interface CgroupPaths {
  note(label: string, place: UnitCgroup): void
  /** Null for a type that has none, and before it was read. */
  of(label: string, root: string): string | null
  /** Forgets the others. */
  keep(has: (label: string) => boolean): void
}

/** The places of the watched units, as last read. */
export function createCgroupPaths(): CgroupPaths {
  const places = new Map<string, UnitCgroup>()
  return {
    note: (label, { id, controlGroup, slice }) => void places.set(label, { id, controlGroup, slice }),
    of(label, root) {
      const place = places.get(label)
      return place === undefined ? null : cgroupPathOf(place, root)
    },
    keep(has) {
      for (const label of places.keys()) if (!has(label)) places.delete(label)
    },
  }
}

/** Names that the kernel has for itself in every group, which systemd then begins with `_` (cg_escape()). */
const ESCAPED = /^(?:[_.]|cgroup\.|(?:cpu|cpuacct|cpuset|io|blkio|memory|devices|pids)\.)/

/**
 * `/system.slice/mosquitto.service`: as systemd says, which it does only of a unit that runs; else below the unit's
 * slice, and `root`, the group of systemd itself. Null for a type that has none.
 */
export function cgroupPathOf(unit: UnitCgroup, root: string): string | null {
  if (unit.controlGroup !== '') return unit.controlGroup
  if (!unit.slice.endsWith('.slice')) return null
  const below = unit.slice === '-.slice' ? '' : slicePath(unit.slice.slice(0, -'.slice'.length))
  return `${root === '/' ? '' : root}${below}/${ESCAPED.test(unit.id) ? '_' : ''}${unit.id}`
}

/** `a-b` -> `/a.slice/a-b.slice` (systemd.slice(5)). */
function slicePath(name: string): string {
  const parts = name.split('-')
  return parts.map((_, i) => `/${parts.slice(0, i + 1).join('-')}.slice`).join('')
}
