// What a central broker was told of its gateways, by the topics of gatewatch. Pure.

import type { Failures } from '../../src/core/unit.ts'
import type { UnitView } from '../../src/core/views/api-views.ts'

/** A unit's retained state, as `unitJson` of the core makes it. */
export interface UnitState extends UnitView {
  readonly running: boolean
  readonly failures: Readonly<Record<string, Failures>>
}

export interface Gateway {
  /** What the agent, or its broker for it, said last. */
  online: boolean
  /** Whether the link of its bridge stands; null where nobody says (it is connected itself, without a bridge). */
  linked: boolean | null
  readonly units: Map<string, UnitState>
}

export interface Gateways {
  readonly all: ReadonlyMap<string, Gateway>
  /** Messages that were none of ours, and those that were too many. */
  refused(): number
  take(topic: string, payload: string): void
  /** After a connection: what is retained is told anew, and what is not any more is forgotten. */
  forget(): void
}

/** Whoever may publish could else fill the memory. */
const UNITS_AT_MOST = 200_000

export function createGateways(prefix: string): Gateways {
  const all = new Map<string, Gateway>()
  let refused = 0
  let units = 0

  function of(id: string): Gateway {
    const found = all.get(id) ?? { online: false, linked: null, units: new Map() }
    all.set(id, found)
    return found
  }

  function state(id: string, unit: string, payload: string): boolean {
    const gateway = of(id)
    if (payload === '') {
      if (gateway.units.delete(unit)) units -= 1
      return true
    }
    const told = stateIn(payload)
    if (told === null || (units >= UNITS_AT_MOST && !gateway.units.has(unit))) return false
    if (!gateway.units.has(unit)) units += 1
    gateway.units.set(unit, told)
    return true
  }

  function taken(topic: string, payload: string): boolean {
    if (!topic.startsWith(`${prefix}/`)) return false
    const [id, what, unit, last, ...more] = topic.slice(prefix.length + 1).split('/')
    if (!id || more.length > 0) return false
    if (what === 'unit' && unit !== undefined && last === 'state') return state(id, unit, payload)
    if (unit !== undefined) return false
    if (what === 'availability') of(id).online = /^(\{.*"online".*\}|online)$/.test(payload)
    else if (what === 'bridge') of(id).linked = payload === '' ? null : payload === '1'
    else return false
    return true
  }

  return {
    all,
    refused: () => refused,
    take(topic, payload) {
      if (!taken(topic, payload)) refused += 1
    },
    forget() {
      all.clear()
      units = 0
    },
  }
}

/** Null where the payload is something else. */
function stateIn(payload: string): UnitState | null {
  try {
    const state = JSON.parse(payload) as UnitState
    const counts = [state.counters, ...Object.values(state.failures)].flatMap((counted) => Object.values(counted))
    return typeof state.service === 'string' && counts.every(Number.isFinite) ? state : null
  } catch {
    return null
  }
}

export function isUp({ online, linked }: Gateway): boolean {
  return online && linked !== false
}
