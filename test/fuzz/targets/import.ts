// Target: the counts of the former program, as a file (config/legacy-counters) and as a request body (http/api/import-body).
import fc from 'fast-check'
import { parseLegacyCounters } from '../../../src/config/legacy-counters.ts'
import type { Counters } from '../../../src/core/unit.ts'
import { baselinesOf } from '../../../src/http/api/import-body.ts'
import { JSON_SIGNS, mutatedText } from '../mutated.ts'
import { assert, type FuzzTarget, isOneLine, TEXT_FILES } from '../target.ts'

/** Twice as much is still an exact number. */
const COUNT_AT_MOST = 2 ** 48

function checkCounts(baselines: ReadonlyMap<string, Counters>): void {
  for (const [unit, counts] of baselines) {
    const { starts, stops, crashes, restarts, lost } = counts
    for (const count of [starts, stops, crashes, restarts, lost])
      assert(Number.isInteger(count) && count >= 0 && count <= COUNT_AT_MOST, () => `${unit} has a count of ${count}`)
  }
}

/** How many units the text names; null if it is not an object. */
function unitsIn(text: string): number | null {
  try {
    const value: unknown = JSON.parse(text.replace(/^\uFEFF/, ''))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value).length : null
  } catch {
    return null
  }
}

function checkFile(text: string): void {
  const { baselines, problems, notes } = parseLegacyCounters(text)
  checkCounts(baselines)
  for (const line of [...problems, ...notes]) {
    assert(isOneLine(line), () => `the message is not one line: ${JSON.stringify(line)}`)
    assert(line.length <= 1_100, () => `a message of ${line.length} characters: ${line.slice(0, 200)}`)
  }
  for (const unit of baselines.keys())
    assert(/^[0-9A-Za-z:_.\\@*?[\]!^-]+\.[a-z*]+$/.test(unit), () => `not a unit: ${JSON.stringify(unit)}`)
  const units = unitsIn(text)
  if (units === null) assert(baselines.size === 0 && problems.length === 1, () => 'counts from a file without units')
  else assert(baselines.size + problems.length >= units, () => 'a unit is neither imported nor reported')
  const again = baselinesOf(JSON.stringify(Object.fromEntries(baselines)))
  const same = 'problem' in again ? again.problem : JSON.stringify([...again])
  assert(same === JSON.stringify([...baselines]), () => `what is sent to the agent is read as ${same}`)
}

function checkBody(text: string): void {
  const body = baselinesOf(text)
  if (!('problem' in body)) checkCounts(body)
  else assert(body.problem.length > 0 && body.problem.length <= text.length + 200, () => `refused with ${body.problem}`)
}

const counts = fc.oneof(
  fc.nat(),
  fc.constantFrom(-1, 0.5, 2 ** 53, Number.MAX_SAFE_INTEGER),
  fc.jsonValue({ maxDepth: 1 }),
)
const unit = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('mosquitto', 'mosquitto.service') },
  fc.constantFrom('sink@1.service', 'sink@.service', '__proto__', '', 'a/b', 'x y'),
  fc.string({ maxLength: 8 }),
)
const entry = fc.oneof(
  fc.record(
    { starts: counts, stops: counts, crashes: counts, last_state: fc.constant('active') },
    { requiredKeys: [] },
  ),
  fc.jsonValue({ maxDepth: 2 }),
)
const files = fc.array(fc.tuple(unit, entry), { maxLength: 5 }).map((all) => JSON.stringify(Object.fromEntries(all)))

const WORDS = [...JSON_SIGNS, '\\u000a', '"starts":', '"crashes":', '1e300', '-', '9007199254740993', '{"a":']

export const target: FuzzTarget<string> = {
  ...TEXT_FILES,
  cpuMsAtMost: 500,
  inputs: (corpus) =>
    fc.oneof(
      files,
      mutatedText(corpus, WORDS),
      files.chain((file) => mutatedText([file], WORDS)),
    ),
  check(text) {
    checkFile(text)
    checkBody(text)
  },
}
