// The states of all units that systemd has, watched or not: followed by their signals while a client streams them.

import { isUnitName } from '../../core/unit-name.ts'
import type { UnitState } from '../../core/views/unit-state.ts'
import type { Body, Bus } from '../../dbus/bus.ts'
import { plain } from '../../dbus/variants.ts'
import type { Clock } from '../../ports.ts'
import { MANAGER, MANAGER_PATH, SYSTEMD } from '../manager-api.ts'
import type { MatchRules, NeededUnits } from '../match-rules.ts'
import { unitAt } from '../unit-path.ts'

/** ActiveState and SubState of a unit that systemd does not have. */
const AT_REST = { activeState: 'inactive', subState: 'dead' }

type Report = (state: UnitState) => void

export interface AllUnits {
  isFollowed(): boolean
  /** Reports each change of a unit that is not watched, until `unfollow`. */
  follow(report: Report): void
  unfollow(): void
  /** A PropertiesChanged signal of systemd. */
  changed(path: string, body: Body): void
  /** systemd has unloaded the unit, after reporting its last change. */
  unloaded(name: string): void
  /** Lists all units, and reports those that have changed without a signal; false if systemd does not respond. */
  compare(bus: Bus): Promise<boolean>
}

interface KnownState {
  readonly activeState: string
  readonly subState: string
}

export function createAllUnits(clock: Clock, isWatched: (unit: string) => boolean): AllUnits {
  let report: Report | null = null
  /** By unit, as last reported or listed. */
  let known = new Map<string, KnownState>()
  let isListed = false

  function note(unit: string, { activeState, subState }: KnownState, sinceMs: number | null): void {
    if (!isWatched(unit)) report?.({ unit, activeState, subState, sinceMs })
  }

  function listed(rows: readonly unknown[]): void {
    const before = known
    known = new Map(rows.flatMap(stateIn))
    const differs = isListed ? differences(before, known) : []
    isListed = true
    for (const [unit, state] of differs) note(unit, state, null)
  }

  return {
    isFollowed: () => report !== null,
    follow(to) {
      report = to
    },
    unfollow() {
      report = null
      known = new Map()
      isListed = false
    },
    changed(path, [source, properties]) {
      const unit = unitAt(path)
      if (report === null || unit === null || source !== 'org.freedesktop.systemd1.Unit' || !isRecord(properties))
        return
      const [activeState, subState] = [plain(properties['ActiveState']), plain(properties['SubState'])]
      if (typeof activeState !== 'string' || typeof subState !== 'string' || !isUnitName(unit)) return
      const before = known.get(unit) ?? (isListed ? AT_REST : undefined)
      if (before?.activeState === activeState && before.subState === subState) return
      known.set(unit, { activeState, subState })
      const changedAt = plain(properties['StateChangeTimestampMonotonic'])
      note(unit, { activeState, subState }, typeof changedAt === 'number' ? clock.wallMsOf(changedAt / 1000) : null)
    },
    unloaded: (name) => void known.delete(name),
    compare: (bus) =>
      new Promise((resolve) => {
        const call = { destination: SYSTEMD, path: MANAGER_PATH, interface: MANAGER, member: 'ListUnits' }
        bus.request(call, (error, [rows]) => {
          const units = plain(rows)
          if (error === null && report !== null && Array.isArray(units)) listed(units)
          resolve(error === null)
        })
      }),
  }
}

export interface AllUnitsDelivery {
  /** All units are followed now; resolves when no later change of one is missed, with false if systemd is not available. */
  followAll(): Promise<boolean>
  /** Only the watched units are followed from now on. */
  unfollowAll(): void
}

/** A reconciliation adds the match rules of every unit, and removes them if they are not needed. */
export function deliveryOfAllUnits(
  { bus, allUnits }: { readonly bus: Bus; readonly allUnits: AllUnits },
  { rules, needed }: { readonly rules: MatchRules; readonly needed: () => NeededUnits | null },
  reconcile: () => Promise<boolean>,
  reconcileSoon: () => void,
): AllUnitsDelivery {
  return {
    followAll: () => (rules.isEveryUnit() ? allUnits.compare(bus) : reconcile()),
    unfollowAll() {
      if (rules.canBeFewer(needed)) reconcileSoon()
    },
  }
}

/** A row of ListUnits: name, description, load state, active state, sub state, and more. */
function stateIn(row: unknown): [string, KnownState][] {
  const [unit, , , activeState, subState] = Array.isArray(row) ? row : []
  if (typeof unit !== 'string' || typeof activeState !== 'string' || typeof subState !== 'string') return []
  return [[unit, { activeState, subState }]]
}

/** The units whose state is another one than before. One that systemd has no longer, or not yet, is at rest. */
function differences(
  before: ReadonlyMap<string, KnownState>,
  now: ReadonlyMap<string, KnownState>,
): [string, KnownState][] {
  const units = new Set([...before.keys(), ...now.keys()])
  return [...units].flatMap((unit): [string, KnownState][] => {
    const [former, state] = [before.get(unit) ?? AT_REST, now.get(unit) ?? AT_REST]
    return former.activeState === state.activeState && former.subState === state.subState ? [] : [[unit, state]]
  })
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
