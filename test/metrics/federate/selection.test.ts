// The series that a push selects: the same as /federate, read without what they do not need.
import { expect, test } from 'vitest'
import { FAMILIES, USAGE_FAMILIES } from '../../../src/metrics/families/all.ts'
import { createSelection, selectorProblem } from '../../../src/metrics/federate/selection.ts'
import type { ScrapeInput } from '../../../src/metrics/scrape-input.ts'
import { runningUnit, scrapeInput } from '../scrape-inputs.ts'

const UNITS = [runningUnit('a.service'), runningUnit('b.service')]

function selecting(inputs: readonly ScrapeInput[]) {
  let reading = 0
  const withUsage: boolean[] = []
  const select = createSelection(FAMILIES, async (usage) => {
    withUsage.push(usage)
    return inputs[reading++] as ScrapeInput
  })
  const textOf = async (...matches: string[]) =>
    (await select(matches)).series.map(({ labels, value }) => `${[...labels.values()].join(' ')} = ${value}`)
  return { select, textOf, withUsage }
}

test('a series is selected if it matches one of the selectors', async () => {
  const { textOf } = selecting([scrapeInput(UNITS)])
  expect(
    await textOf('systemd_service_state{service="a.service"}', '{__name__=~"gatewatch_unit_(tasks|running)"}'),
  ).toEqual([
    'systemd_service_state a.service = 1',
    'gatewatch_unit_running a.service = 1',
    'gatewatch_unit_running b.service = 1',
    'gatewatch_unit_tasks a.service = 3',
    'gatewatch_unit_tasks b.service = 3',
  ])
})

test('each reading has its own values and series, whatever appears or vanishes before them', async () => {
  const match = ['systemd_service_starts_total', 'gatewatch_unit_failures_total{result="signal", requested="false"}']
  const counters = { starts: 8, stops: 0, crashes: 7, restarts: 7, lost: 0 }
  const crashed = runningUnit('b.service', { counters, failures: { signal: { unrequested: 7, requested: 0 } } })
  const later = [runningUnit('0.service'), runningUnit('a.service'), crashed]
  const { textOf } = selecting([scrapeInput(UNITS), scrapeInput(later), scrapeInput([crashed])])
  await textOf(...match)
  const starts = (name: string, value: number) => `systemd_service_starts_total ${name} = ${value}`
  const failures = (name: string, value: number) => `gatewatch_unit_failures_total ${name} signal false = ${value}`
  expect(await textOf(...match)).toEqual([
    starts('0.service', 1),
    starts('a.service', 1),
    starts('b.service', 8),
    failures('0.service', 0),
    failures('a.service', 0),
    failures('b.service', 7),
  ])
  expect(await textOf(...match)).toEqual([starts('b.service', 8), failures('b.service', 7)])
})

test('a series that is read again has the same labels object', async () => {
  const { select } = selecting([scrapeInput(UNITS), scrapeInput(UNITS)])
  const match = ['{__name__=~"gatewatch_(health|unit_failures_total|build_info)|systemd_.*_total"}']
  const [first, second] = [await select(match), await select(match)]
  expect(first.series.length).toBeGreaterThan(10)
  second.series.forEach(({ labels }, i) => void expect(labels).toBe(first.series[i]?.labels))
})

test('resources of units, host and process are read only for families that need them', async () => {
  const { textOf, withUsage } = selecting([scrapeInput(UNITS), scrapeInput(UNITS), scrapeInput(UNITS)])
  await textOf('systemd_service_state', 'gatewatch_health')
  await textOf('systemd_service_state', 'gatewatch_unit_tasks')
  await textOf('{__name__=~".+"}')
  expect(withUsage).toEqual([false, true, true])
  const without = {
    ...scrapeInput(UNITS),
    get usage(): never {
      throw new Error('usage is read')
    },
    get host(): never {
      throw new Error('host is read')
    },
    process: {
      startedAtMs: 0,
      get cpuSeconds(): never {
        throw new Error('process is read')
      },
      get residentBytes(): never {
        throw new Error('process is read')
      },
      get openFds(): never {
        throw new Error('process is read')
      },
    },
  }
  for (const family of FAMILIES) {
    if (USAGE_FAMILIES.has(family)) expect(() => family.samples(without), family.name).toThrow(/is read/)
    else family.samples(without)
  }
})

test.each([
  ['up', null],
  ['up{a="b"}', null],
  ['up{', /expected a label/],
  ['{a=~"("}', /\(/],
  ['{a=~"x{1000}{1000}"}', /too large/],
])('what is wrong with the selector %s', async (selector, problem) => {
  const text = await selectorProblem([selector])
  if (problem === null) expect(text).toBe(null)
  else expect(text).toMatch(problem)
})
