// The former program's service_states.json: its text in, baselines of counters out.
import type { Counters } from '../core/unit.ts'
import { unitName } from '../core/unit-name.ts'

interface LegacyCounters {
  /** By full unit name. The former program knew neither restarts nor lost runs: they are 0. */
  readonly baselines: ReadonlyMap<string, Counters>
  /** What could not be taken over and why, one line each; the unit in question is left out. */
  readonly problems: readonly string[]
  /** What was changed on the way, one line each. */
  readonly notes: readonly string[]
}

/**
 * Reads `{unit: {last_state, last_change_time, starts, stops, crashes, logged_unloaded}}`. It booked each crash as a
 * stop too, so stops become stops - crashes, and not below 0. Counters that are absent are 0.
 */
export function parseLegacyCounters(text: string): LegacyCounters {
  const baselines = new Map<string, Counters>()
  const problems: string[] = []
  const notes: string[] = []
  const root = parse(text)
  if ('wrong' in root) return { baselines, problems: [root.wrong], notes }
  let booked = 0
  for (const [key, entry] of Object.entries(root.object)) {
    const name = unitName(key)
    if ('wrong' in name) problems.push(`${JSON.stringify(key)} ${name.wrong}`)
    else if (baselines.has(name.value))
      problems.push(`${JSON.stringify(key)} stands for ${name.value}, which came before`)
    else if (!isObject(entry)) problems.push(`${key}: ${JSON.stringify(entry)} is not an object of counters`)
    else {
      const wrong = COUNTED.filter((counter) => !isCount(entry[counter] ?? 0))
      for (const counter of wrong) {
        problems.push(`${key}: ${counter} is ${JSON.stringify(entry[counter])}, not a whole number from 0`)
      }
      if (wrong.length > 0) continue
      const [starts, stops, crashes] = COUNTED.map((counter) => (entry[counter] ?? 0) as number) as [
        number,
        number,
        number,
      ]
      booked += Math.min(stops, crashes)
      baselines.set(name.value, { starts, stops: Math.max(0, stops - crashes), crashes, restarts: 0, lost: 0 })
    }
  }
  if (booked > 0) {
    notes.push(`${booked} of the stops were crashes, which the former program booked as stops too: subtracted`)
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
    return { wrong: `is not JSON: ${(error as Error).message}` }
  }
}
