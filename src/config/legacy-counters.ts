// Parses service_states.json of the former program into baselines of counters.

import { messageOf } from '../core/error-text.ts'
import type { Counters } from '../core/unit.ts'
import { unitName } from '../core/unit-name.ts'
import { jsonText, MESSAGE_CHARACTERS_AT_MOST, oneLine, plural } from '../core/views/format.ts'

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
      const wrong = COUNTED.filter((counter) => !isCount(entry[counter] ?? 0))
      for (const counter of wrong) {
        report(`${key}: ${counter} is ${jsonText(entry[counter])}, expected a whole number of at least 0`)
      }
      if (wrong.length > 0) continue
      const [starts, stops, crashes] = COUNTED.map((counter) => (entry[counter] ?? 0) as number) as [
        number,
        number,
        number,
      ]
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

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parse(text: string): { object: Record<string, unknown> } | { wrong: string } {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    if (isObject(value)) return { object: value }
    return { wrong: 'is not a service_states.json: expected an object {"UNIT": {"starts": ...}}' }
  } catch (error) {
    return { wrong: `is not JSON: ${messageOf(error)}` }
  }
}
