// The states of all gateways, collected from the MQTT topics of gatewatch. Pure.
import type { Failures } from '../../src/core/unit.ts'
import type { UnitView } from '../../src/core/views/api-views.ts'

/** A unit's retained state, as created by `unitJson` of the core. */
export interface UnitState extends UnitView {
  readonly running: boolean | null
  readonly failures: Readonly<Record<string, Failures>>
}

export interface Gateway {
  /** The last availability, published by the agent or by its Will. */
  online: boolean
  /** Whether its bridge is connected; null if it does not use a bridge. */
  linked: boolean | null
  readonly units: Map<string, UnitState>
}

export interface Gateways {
  readonly all: ReadonlyMap<string, Gateway>
  /** Messages that were not valid gatewatch messages or exceeded the limit of units. */
  refused(): number
  take(topic: string, payload: string): void
  /** Discards all states; called after connecting, because the broker then sends all retained messages. */
  forget(): void
}

/** Prevents a publisher from filling the memory. */
const MAX_UNITS = 200_000

export function createGateways(prefix: string): Gateways {
  const all = new Map<string, Gateway>()
  let refused = 0
  let units = 0

  function gatewayOf(id: string): Gateway {
    const gateway = all.get(id) ?? { online: false, linked: null, units: new Map() }
    all.set(id, gateway)
    return gateway
  }

  function acceptState(id: string, unit: string, payload: string): boolean {
    const gateway = gatewayOf(id)
    if (payload === '') {
      if (gateway.units.delete(unit)) units -= 1
      return true
    }
    const state = parseState(payload)
    if (state === null || (units >= MAX_UNITS && !gateway.units.has(unit))) return false
    if (!gateway.units.has(unit)) units += 1
    gateway.units.set(unit, state)
    return true
  }

  function accept(topic: string, payload: string): boolean {
    if (!topic.startsWith(`${prefix}/`)) return false
    const [id, what, unit, last, ...more] = topic.slice(prefix.length + 1).split('/')
    if (!id || more.length > 0) return false
    if (what === 'unit' && unit !== undefined && last === 'state') return acceptState(id, unit, payload)
    if (unit !== undefined) return false
    if (what === 'availability') gatewayOf(id).online = /^(\{.*"online".*\}|online)$/.test(payload)
    else if (what === 'bridge') gatewayOf(id).linked = payload === '' ? null : payload === '1'
    else return false
    return true
  }

  return {
    all,
    refused: () => refused,
    take(topic, payload) {
      if (!accept(topic, payload)) refused += 1
    },
    forget() {
      all.clear()
      units = 0
    },
  }
}

/** Null if the payload is not a unit state. */
function parseState(payload: string): UnitState | null {
  try {
    const state = JSON.parse(payload) as UnitState
    const { counters, failures, start_jobs_failed = {} } = state
    const counts = [counters, start_jobs_failed, ...Object.values(failures)].flatMap((counted) =>
      Object.values(counted),
    )
    return typeof state.service === 'string' && counts.every(Number.isFinite) ? state : null
  } catch {
    return null
  }
}

export function isUp({ online, linked }: Gateway): boolean {
  return online && linked !== false
}
