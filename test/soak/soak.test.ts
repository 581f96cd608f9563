// A short soak test: five seeds of each variant. `npm run soak -- --minutes 60` runs a long one.
import { expect, test } from 'vitest'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { failureText } from './failure-report.ts'
import { VARIANTS } from './plan.ts'
import { runSeeds } from './run-seeds.ts'

const SEEDS = 5

describeUnless(noSystemd(), 'units driven at random', () => {
  test.each(VARIANTS)('every count matches the journal: %s', { timeout: 600_000 }, async (variant) => {
    const { totals, failures, inconclusive } = await runSeeds({
      seed: 1,
      seeds: SEEDS,
      untilMs: Infinity,
      variants: [variant],
      actions: 30,
      rigs: 3,
    })
    expect(failures.map(({ plan, outcome }) => failureText(plan, outcome.differences))).toEqual([])
    // On a slow machine the journal may drop lines, which makes a seed inconclusive; not all of them may be.
    expect(inconclusive.length < SEEDS ? [] : inconclusive).toEqual([])
    expect(totals.seeds).toBe(SEEDS)
    expect(totals.starts).toBeGreaterThan(40)
  })
})
