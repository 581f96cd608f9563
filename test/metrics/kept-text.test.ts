// The text of the families that are derived from the units only: it is kept while the units are the same, and only then.
import { expect, test } from 'vitest'
import type { Unit } from '../../src/core/unit.ts'
import { createExposition, exposition } from '../../src/metrics/exposition.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import type { ScrapeInput } from '../../src/metrics/scrape-input.ts'
import { runningUnit, scrapeInput, state } from './scrape-inputs.ts'

const BOTH = ['text', 'openmetrics'] as const
const COUNTED = { starts: 5, stops: 1, crashes: 3, restarts: 3, lost: 0 }

/** Scrapes one after the other; each differs from the one before it in one part of its input, or in none. */
function scrapes(): readonly ScrapeInput[] {
  const units: readonly Unit[] = [runningUnit('a.service'), runningUnit('b.service')]
  const [first = runningUnit('a.service'), second = first] = units
  const quiet = scrapeInput(units, { committed: state(units), atStart: state([]) })
  const crashed = state([{ ...first, counters: COUNTED }, second])
  const more = [...crashed.units, runningUnit('c.service')]
  return [
    quiet,
    { ...quiet, live: { ...quiet.live, clockSynced: true } },
    { ...quiet, usage: new Map([['a.service', { memoryBytes: 1, cpuSeconds: 2, tasks: 3 }]]) },
    { ...quiet, live: crashed },
    { ...quiet, live: crashed, committed: crashed },
    { ...quiet, live: crashed, committed: crashed, atStart: state([{ ...first, counters: COUNTED }]) },
    { ...quiet, live: state(more), committed: crashed },
    { ...quiet, live: state(more), committed: state(more) },
    quiet,
  ]
}

test.each(BOTH)('%s: a scrape does not depend on the scrapes before it', async (format) => {
  const render = await createExposition(FAMILIES, format)
  for (const input of scrapes()) expect(await render(input)).toBe(await exposition(FAMILIES, input, format))
})

test('while the units are the same, their families are not rendered again', async () => {
  let asked = 0
  const counted = FAMILIES.map((family) => ({
    ...family,
    samples: (input: ScrapeInput) => {
      if (family.derivedFrom !== undefined) asked += 1
      return family.samples(input)
    },
  }))
  const render = await createExposition(counted, 'text')
  const [quiet, synced, , crashed] = scrapes()
  const askedBy = async (input = quiet) => {
    asked = 0
    if (input !== undefined) await render(input)
    return asked
  }
  const all = counted.filter(({ derivedFrom }) => derivedFrom !== undefined).length
  expect(all).toBeGreaterThan(20)
  expect([await askedBy(quiet), await askedBy(synced), await askedBy(crashed)]).toEqual([all, 0, all])
})

test('these families read nothing but the units', () => {
  const [input] = scrapes()
  const onlyUnits = new Proxy(input as ScrapeInput, {
    get(target, name) {
      if (name === 'live' || name === 'committed' || name === 'atStart') {
        const { units, index } = target[name]
        return { units, index }
      }
      throw new Error(`${String(name)} is read`)
    },
  })
  for (const { derivedFrom, samples, name } of FAMILIES)
    if (derivedFrom !== undefined) expect(() => samples(onlyUnits), name).not.toThrow()
})
