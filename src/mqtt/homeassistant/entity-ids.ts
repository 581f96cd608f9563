// The ids of Home Assistant's entities: the key of a component in the discovery message, and its unique id. Pure.
// Home Assistant keeps the history of an entity by its unique id, so an id that was published once must never change.

/** The part of the gateway itself, in place of a unit; unit names end in their type. */
export const GATEWAY = 'gateway'

interface Ids {
  /** Key in the discovery message. */
  readonly id: string
  readonly uniqueId: string
}

export interface EntityIds extends Ids {
  /** Those of version 0.1.0, if they were others. */
  readonly former: Ids | null
}

/**
 * `_` separates the parts of an id: `a` and `b_x` would be the same as `a_b` and `x`. Where a part contains `_`, it is
 * written as `%5F`, and the key is the unique id, because Home Assistant ignores a new unique id for a known key.
 */
export function entityIds(gatewayId: string, part: string, key: string): EntityIds {
  const usual = `${part}_${key}`
  const ids = { id: usual, uniqueId: uniqueIdOf(gatewayId, usual) }
  if (!gatewayId.includes('_') && !part.includes('_')) return { ...ids, former: null }
  const uniqueId = `gatewatch_${escaped(gatewayId)}_${escaped(part)}_${key}`
  return { id: uniqueId, uniqueId, former: ids }
}

/** The unique id that belongs to a published key, also to one of an older version of this program. */
export function uniqueIdOf(gatewayId: string, id: string): string {
  return id.includes('%') ? id : `gatewatch_${gatewayId}_${id}`
}

/** Neither gateway ids nor unit names contain `%`. */
function escaped(part: string): string {
  return part.replaceAll('_', '%5F')
}
