// Metric families of the list of watched units: how full it is.
import { type Family, gauge } from '../family.ts'

export const watchListFamilies: readonly Family[] = [
  gauge('gatewatch_units_watched', 'Number of watched units.', ({ live }) => live.units.length),
  gauge('gatewatch_units_limit', 'Maximum number of watched units (max_units).', ({ live }) => live.policy.maxUnits),
]
