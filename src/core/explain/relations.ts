// The dependencies of a unit that matter when it ends: which other units can end it, and on which it depends.

/**
 * Dependencies through which one unit ends another (systemd.unit(5)), those first that act even if the other one ends by
 * itself. Conflicts: the start of the other one ends this one, whichever of the two names the other.
 */
export const RELATIONS = ['BindsTo', 'StopPropagatedFrom', 'PartOf', 'Requires', 'Requisite', 'Conflicts'] as const
export type Relation = (typeof RELATIONS)[number]

/** Another unit that can end this one. */
export interface Tie {
  readonly unit: string
  readonly relation: Relation
}

export interface Relations {
  /** At most one tie for each unit, in the order of `RELATIONS`. */
  readonly endedBy: readonly Tie[]
  /** Units on which this one depends, or after which it is ordered. */
  readonly follows: readonly string[]
}

export const NO_RELATIONS: Relations = { endedBy: [], follows: [] }

/** Starts when the system shuts down, and conflicts with almost every unit. It is never active while units run. */
export const SHUTDOWN = 'shutdown.target'

/** Almost every unit depends on these; they end only when the system shuts down, and then `SHUTDOWN` is the cause. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  'sysinit.target',
  'basic.target',
  'local-fs.target',
  'system.slice',
  'user.slice',
  '-.slice',
  '-.mount',
  'systemd-journald.socket',
  'dbus.socket',
])

/** The properties of a unit that name the units of each relation. */
const ENDED_BY_PROPERTIES: Readonly<Record<string, Relation>> = {
  BindsTo: 'BindsTo',
  StopPropagatedFrom: 'StopPropagatedFrom',
  PartOf: 'PartOf',
  Requires: 'Requires',
  Requisite: 'Requisite',
  Conflicts: 'Conflicts',
  ConflictedBy: 'Conflicts',
}
const FOLLOWS_PROPERTIES = ['After', 'Wants', ...RELATIONS.slice(0, -1)]

/** The properties to read; the time is that at which a unit that can end others has ended. */
export const RELATION_PROPERTIES: ReadonlySet<string> = new Set([
  'ActiveExitTimestampMonotonic',
  ...Object.keys(ENDED_BY_PROPERTIES),
  ...FOLLOWS_PROPERTIES,
])

/** By their JSON: most units have the same ones. The others are few, unless units with new names come and go. */
const KNOWN_AT_MOST = 2000
const known = new Map<string, Relations>()

/** The relations of a unit; `namesIn` returns the names in one of its properties. Equal relations are the same object. */
export function relationsOf(namesIn: (property: string) => readonly string[]): Relations {
  const matters = (name: string) => !EVERYWHERE.has(name)
  const ties = new Map<string, Tie>()
  for (const [property, relation] of Object.entries(ENDED_BY_PROPERTIES)) {
    for (const unit of namesIn(property).filter(matters)) if (!ties.has(unit)) ties.set(unit, { unit, relation })
  }
  const follows = [...new Set(FOLLOWS_PROPERTIES.flatMap(namesIn).filter(matters))]
  const relations: Relations = { endedBy: [...ties.values()], follows }
  const key = JSON.stringify(relations)
  const same = known.get(key)
  if (same !== undefined) return same
  if (known.size >= KNOWN_AT_MOST) known.clear()
  known.set(key, relations)
  return relations
}
