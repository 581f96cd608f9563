// A short soak: a few seeds of each variant. `npm run soak -- --minutes 60` is the long one.
import { expect, test } from 'vitest'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'
import { many } from './many.ts'
import { VARIANTS, type Variant } from './plan.ts'
import { told } from './story.ts'

const SEEDS: Readonly<Record<Variant, number>> = { heard: 4, killed: 2, bus: 2 }

describeUnless(noSystemd(), 'units driven at random', () => {
  test.each(VARIANTS)('every count is what the journal says: %s', { timeout: 180_000 }, async (variant) => {
    const { sums, failures, doubts } = await many({
      ...{ seed: 1, seeds: SEEDS[variant], untilMs: Infinity, variants: [variant], actions: 40, rigs: 2 },
    })
    expect(failures.map(({ plan, outcome }) => told(plan, outcome.differences))).toEqual([])
    // A journal that loses lines, as it may where everything is slow, proves nothing: once is bad luck.
    expect(doubts.length < SEEDS[variant] ? [] : doubts).toEqual([])
    expect(sums.seeds).toBe(SEEDS[variant])
    expect(sums.starts).toBeGreaterThan(40)
  })
})
