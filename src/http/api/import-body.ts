// Parses the body of an import: counts of the former program, by unit name. Pure.
import { COUNT_AT_MOST, isCount } from '../../core/observation.ts'
import { type Counters, ZERO } from '../../core/unit.ts'
import { fullName } from '../../core/unit-name.ts'

const COUNTERS: readonly (keyof Counters)[] = ['starts', 'stops', 'crashes', 'restarts', 'lost']

/** `{"mosquitto.service": {"starts": 5, ...}, ...}`; an absent count is 0. */
export function baselinesOf(body: string): ReadonlyMap<string, Counters> | { readonly problem: string } {
  const parsed = parse(body)
  if (!isObject(parsed)) return { problem: 'the body must be a JSON object of units' }
  const baselines = new Map<string, Counters>()
  for (const [name, counts] of Object.entries(parsed)) {
    if (!isObject(counts)) return { problem: `${name}: must be an object of counts` }
    if (Object.keys(counts).length === 0) return { problem: `${name}: has no counts` }
    const counters = { ...ZERO }
    for (const [key, value] of Object.entries(counts)) {
      const counter = COUNTERS.find((known) => known === key)
      if (counter === undefined) return { problem: `${name}.${key}: unknown counter; use ${COUNTERS.join(', ')}` }
      if (!isCount(value)) return { problem: `${name}.${key}: must be a whole number from 0 to ${COUNT_AT_MOST}` }
      counters[counter] = value
    }
    baselines.set(fullName(name), counters)
  }
  return baselines
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return null
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
