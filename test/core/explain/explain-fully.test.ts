// An explanation of a crash whose evidence is read from the journal again.
import { expect, test } from 'vitest'
import type { CrashEvent } from '../../../src/core/event.ts'
import { explainFully } from '../../../src/core/explain/explain-fully.ts'
import { crash, IDENTITY } from './explained.ts'

const CRASH = crash('sink.service', 60)

const input = (event: CrashEvent | null) => ({
  ...{ name: CRASH.unit, unit: null, status: null, needs: [], isLocal: true, history: [CRASH], event },
  now: { monoMs: 0, wallMs: CRASH.atMs + 60_000 },
  sources: { explain: true, journal: 'readable' } as const,
})

test.each([
  ['of the unit', null],
  ['of the event', CRASH],
])('%s has the frames and the lines that the journal still has', async (_, event) => {
  const asked: number[] = []
  const explanation = await explainFully(input(event), IDENTITY, async ({ seq }) => {
    asked.push(seq)
    return { log: ['a line'], evidence: { coredump: { frames: ['parse (app + 0x1)'] } } }
  })
  expect(explanation).toMatchObject({
    event: { evidence: { coredump: { frames: ['parse (app + 0x1)'] } } },
    frames: ['parse (app + 0x1)'],
    log: ['a line'],
  })
  expect(asked).toEqual([CRASH.seq])
})

test('without anything in the journal it has what is known', async () => {
  const explanation = await explainFully(input(null), IDENTITY, async () => ({ log: null, evidence: {} }))
  expect(explanation).not.toHaveProperty('frames')
})
