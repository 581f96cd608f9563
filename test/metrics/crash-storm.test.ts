// Scrapes during a crash storm: the counts in each response are those of one State, however many clients scrape.
import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { step } from '../../src/core/step.ts'
import { createExposition } from '../../src/metrics/exposition.ts'
import { FAMILIES } from '../../src/metrics/families/all.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { at, read, signal, stepAll, watching } from '../core/step-driver.ts'
import { clock } from '../systemd/clock.ts'
import { unbalanced } from './counting-law.ts'
import { scrapeInput } from './scrape-inputs.ts'

const UNITS = Array.from({ length: 400 }, (_, i) => `u${i}.service`)
const ACCEPT = ['text/plain', 'application/openmetrics-text']
const STEPS_PER_TURN = 20

/** Units that crash and are started again, a few in each turn of the event loop. */
function crashStorm() {
  const reads = UNITS.map((unit) => read(unit, 1, {}))
  let { state }: { state: State } = stepAll(watching(...UNITS), reads.slice(0, 1))
  for (const observation of reads) state = step(state, observation).state
  let steps = 0
  let over = false
  const turn = () => {
    for (let i = 0; i < STEPS_PER_TURN; i += 1) {
      const unit = UNITS[steps % UNITS.length] ?? ''
      const round = Math.floor(steps / UNITS.length)
      const invocationId = `${unit}-${round >> 1}`
      const running = { activeState: 'active', subState: 'running', invocationId }
      const crashed = {
        activeState: 'failed',
        subState: 'failed',
        invocationId,
        result: 'signal',
        mainCode: 2,
        mainStatus: 9,
      }
      steps += 1
      state = step(state, signal(unit, 10 + steps, round % 2 === 0 ? running : crashed)).state
    }
    if (!over) setImmediate(turn)
  }
  turn()
  return {
    state: () => state,
    steps: () => steps,
    end() {
      over = true
    },
  }
}

test('every response satisfies starts = stops + crashes + lost + running, in both formats at the same time', async () => {
  const storm = crashStorm()
  const { process: _, ...facts } = scrapeInput([])
  const gather = async () => ({ ...facts, live: storm.state(), committed: storm.state() })
  const { scrape } = createMetrics(gather, clock)
  const bodies = new Set<string>()
  let changedWhileRendering = 0
  const client = async (accept: string) => {
    for (let i = 0; i < 8; i += 1) {
      const before = storm.steps()
      const body = String((await scrape(accept)).body)
      if (storm.steps() > before) changedWhileRendering += 1
      expect(unbalanced(body)).toEqual([])
      expect(body.match(/^systemd_service_starts_total\{/gm)?.length).toBe(UNITS.length)
      bodies.add(body)
      await new Promise((resolve) => setTimeout(resolve, 7 * i))
    }
  }
  try {
    await Promise.all([...ACCEPT, ...ACCEPT, ...ACCEPT].map(client))
  } finally {
    storm.end()
  }
  expect(bodies.size).toBeGreaterThan(4)
  expect(changedWhileRendering).toBeGreaterThan(4)
})

test('a registry refuses to render two scrapes at a time', async () => {
  const render = await createExposition(FAMILIES, 'text')
  const first = render(scrapeInput([]))
  await expect(render(scrapeInput([]))).rejects.toThrow('another scrape')
  await first
  await render({ ...scrapeInput([]), now: at(5) })
})
