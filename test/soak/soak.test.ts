// A short soak test: a few seeds of each variant. `npm run soak -- --minutes 60` runs a long one.
import { expect, test } from 'vitest'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { failureText } from './failure-report.ts'
import { VARIANTS, type Variant } from './plan.ts'
import { runSeeds } from './run-seeds.ts'

const SEEDS: Readonly<Record<Variant, number>> = { connected: 4, killed: 2, twice: 2, bus: 2 }

describeUnless(noSystemd(), 'units driven at random', () => {
  test.each(VARIANTS)('every count matches the journal: %s', { timeout: 180_000 }, async (variant) => {
    const { totals, failures, inconclusive } = await runSeeds({
      seed: 1,
      seeds: SEEDS[variant],
      untilMs: Infinity,
      variants: [variant],
      actions: 40,
      rigs: 2,
    })
    expect(failures.map(({ plan, outcome }) => failureText(plan, outcome.differences))).toEqual([])
    // On a slow machine the journal may drop lines, which makes a seed inconclusive; not all of them may be.
    expect(inconclusive.length < SEEDS[variant] ? [] : inconclusive).toEqual([])
    expect(totals.seeds).toBe(SEEDS[variant])
    expect(totals.starts).toBeGreaterThan(40)
  })
})
