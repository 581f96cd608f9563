// The histories of all units: how many are kept, when their clock becomes known, and what becomes known later. Pure.
import type { Instant } from '../observation.ts'
import type { State } from '../state.ts'
import type { Unit } from '../unit.ts'
import { dated, ofEarlierBoots, withSignature } from './history.ts'
import { signatureOf } from './signature.ts'

export const HISTORIES_AT_MOST = 64

/** Keeps the histories of the units that crashed last; of those that never crashed, the first ones. */
export function limitHistories(units: readonly Unit[]): readonly Unit[] {
  const kept = units.filter(({ history }) => history !== null)
  if (kept.length <= HISTORIES_AT_MOST) return units
  const crashedAt = ({ lastCrash }: Unit) => lastCrash?.atMs ?? 0
  const dropped = new Set(kept.sort((a, b) => crashedAt(b) - crashedAt(a)).slice(HISTORIES_AT_MOST))
  return units.map((unit) => (dropped.has(unit) ? { ...unit, history: null } : unit))
}

/** After a reboot. */
export function historiesOfNextBoot(units: readonly Unit[]): readonly Unit[] {
  return units.map((unit) => (unit.history === null ? unit : { ...unit, history: ofEarlierBoots(unit.history) }))
}

/** The clock is synchronised: `at` gives the times of this boot. */
export function dateHistories(state: State, { wallMs, monoMs }: Instant): State {
  const units = state.units.map((unit) => {
    const history = unit.history && dated(unit.history, wallMs, wallMs - monoMs)
    return history === unit.history ? unit : { ...unit, history }
  })
  return units.every((unit, i) => unit === state.units[i]) ? state : { ...state, units }
}

/** A crash has another signature than its event had. `former`: of its event, by default that of the last crash. */
export function recountSignature(unit: Unit, signature: string | undefined, former: string | undefined): Unit {
  const from = former ?? (unit.lastCrash && signatureOf(unit.name, unit.lastCrash.cause))
  if (unit.history === null || signature === undefined || from === null) return unit
  const history = withSignature(unit.history, from, signature)
  return history === unit.history ? unit : { ...unit, history }
}
