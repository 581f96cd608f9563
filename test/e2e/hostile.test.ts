// Slow, broken and hostile clients by TCP: all are refused, and the agent counts and tells crashes as before.
import { expect, test } from 'vitest'
import { attacked, median } from '../rig/attacked.ts'
import { describeUnless, noSystemd } from '../rig/unavailable.ts'

describeUnless(noSystemd(), 'an attack by TCP', () => {
  test('is refused, and no crash is told late or not at all', async () => {
    // `npm run bench:attack` does it with 10,000 requests of garbage, and prints the times.
    const { answers, elsewhereMs, attackedMs, counted, died, lost } = await attacked(1_000, 3)
    const codes = (what: string) => Object.keys(answers[what] ?? {}).sort()
    // Some are closed without a word: 50 slow ones leave 14 connections to the others.
    expect(codes('garbage')).toEqual(expect.arrayContaining(['400', '401']))
    expect(new Set([...codes('hugeHeader'), '431', 'closed'])).toEqual(new Set(['431', 'closed']))
    expect(new Set([...codes('chunked'), 'closed'])).toEqual(new Set(['400', 'closed']))
    expect(new Set([...codes('rebinding'), 'closed'])).toEqual(new Set(['403', 'closed']))
    expect(new Set([...codes('origin'), 'closed'])).toEqual(new Set(['403', 'closed']))
    expect(new Set([...codes('token'), 'closed'])).toEqual(new Set(['401', 'closed']))
    expect(new Set([...codes('password'), '503', 'closed'])).toEqual(new Set(['401', '503', 'closed']))
    expect(lost).toBe(0)
    expect(died - counted).toBeLessThanOrEqual(1) // the last one may have been stopped between its note and its end
    expect(died - counted).toBeGreaterThanOrEqual(0)
    expect(attackedMs.length).toBeGreaterThan(0)
    // On a machine as busy as it is during the same attack on somebody else.
    expect(median(attackedMs)).toBeLessThan(10 * median(elsewhereMs) + 1_000)
  })
})
