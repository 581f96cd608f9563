// Parses service_states.json of the former program into baselines of counters.

import { messageOf } from '../core/error-text.ts'
import { COUNT_AT_MOST, isCount } from '../core/observation.ts'
import type { Counters } from '../core/unit.ts'
import { unitName } from '../core/unit-name.ts'
import { jsonText, MESSAGE_CHARACTERS_AT_MOST, oneLine, plural } from '../core/views/format.ts'
import { NESTED_TOO_DEEPLY, nestedTooDeeplyAt } from './nesting.ts'

interface LegacyCounters {
  /** By full unit name. Restarts and lost runs are 0: the former program did not count them. */
  readonly baselines: ReadonlyMap<string, Counters>
  /** The units that could not be imported, one line each with the reason. */
  readonly problems: readonly string[]
  /** The corrections that were made, one line each. */
  readonly notes: readonly string[]
}

/**
 * Reads `{unit: {last_state, last_change_time, starts, stops, crashes, logged_unloaded}}`. The former program counted each
 * crash as a stop as well, so stops become stops - crashes, at least 0. Absent counters are 0.
 */
export function parseLegacyCounters(text: string): LegacyCounters {
  const baselines = new Map<string, Counters>()
  const problems: string[] = []
  const report = (problem: string) => void problems.push(oneLine(problem, MESSAGE_CHARACTERS_AT_MOST))
  const notes: string[] = []
  const root = parse(text)
  if ('wrong' in root) {
    report(root.wrong)
    return { baselines, problems, notes }
  }
  let subtracted = 0
  for (const [key, entry] of Object.entries(root.object)) {
    const name = unitName(key)
    if ('wrong' in name) report(`${jsonText(key)} ${name.wrong}`)
    else if (baselines.has(name.value)) report(`${jsonText(key)} is a duplicate of ${name.value}`)
    else if (!isObject(entry)) report(`${key}: ${jsonText(entry)} is not an object of counters`)
    else if (!COUNTED.some((counter) => Object.hasOwn(entry, counter)))
      report(`${key}: has none of ${COUNTED.join(', ')}`)
    else {
      const { starts = 0, stops = 0, crashes = 0 } = entry
      if (!isCount(starts) || !isCount(stops) || !isCount(crashes)) {
        const wrong = Object.entries({ starts, stops, crashes }).filter(([, value]) => !isCount(value))
        for (const [counter, value] of wrong) report(`${key}: ${counter} is ${valueText(value)}, expected ${EXPECTED}`)
        continue
      }
      subtracted += Math.min(stops, crashes)
      baselines.set(name.value, { starts, stops: Math.max(0, stops - crashes), crashes, restarts: 0, lost: 0 })
    }
  }
  if (subtracted > 0) {
    notes.push(`subtracted ${plural(subtracted, 'stop')}: the former program counted each crash as a stop as well`)
  }
  return { baselines, problems, notes }
}

const COUNTED = ['starts', 'stops', 'crashes'] as const
const EXPECTED = `a whole number from 0 to ${COUNT_AT_MOST}`

/** JSON has no word for the number that 1e999 becomes. */
function valueText(value: unknown): string {
  return typeof value === 'number' ? String(value) : jsonText(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(text: string): { object: Record<string, unknown> } | { wrong: string } {
  if (nestedTooDeeplyAt(text) !== null) return { wrong: `is not JSON: ${NESTED_TOO_DEEPLY}` }
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    if (isObject(value)) return { object: value }
    return { wrong: 'is not a service_states.json: expected an object {"UNIT": {"starts": ...}}' }
  } catch (error) {
    return { wrong: `is not JSON: ${messageOf(error)}` }
  }
}
