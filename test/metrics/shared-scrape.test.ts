// One scrape is shared among the clients that request it at about the same time, and never older than 100 ms.
import { expect, test } from 'vitest'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { createSharedScrape } from '../../src/metrics/shared-scrape.ts'
import { settled, testClock } from '../rig/clock.ts'
import { runningUnit, scrapeInput } from './scrape-inputs.ts'

const OPENMETRICS = 'application/openmetrics-text'

/** Scrapes whose end the test decides; each has its number. */
function controlled() {
  const clock = testClock()
  const ends: ((error?: Error) => void)[] = []
  const take = () => {
    const number = ends.length + 1
    return new Promise<number>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve(number))))
  }
  return {
    clock,
    scrape: createSharedScrape(take, clock),
    end: (i: number, error?: Error) => ends[i - 1]?.(error),
    ends,
  }
}

test('a scrape is shared while it is taken and until it is 100 ms old', async () => {
  const { clock, scrape, end, ends } = controlled()
  const while1 = [scrape(), scrape()]
  clock.advance(50)
  while1.push(scrape())
  end(1)
  expect(await Promise.all(while1)).toEqual([1, 1, 1])
  clock.advance(49)
  expect(await scrape()).toBe(1)
  clock.advance(1)
  const fresh = scrape()
  end(2)
  expect([await fresh, ends.length]).toEqual([2, 2])
})

test('clients that come later than 100 ms into a slow scrape share the next one, which begins after it', async () => {
  const { clock, scrape, end, ends } = controlled()
  const first = scrape()
  clock.advance(100)
  const late = [scrape(), scrape()]
  clock.advance(500)
  late.push(scrape())
  await settled()
  expect(ends.length).toBe(1)
  end(1)
  await settled()
  expect(ends.length).toBe(2)
  clock.advance(99)
  late.push(scrape())
  end(2)
  expect(await first).toBe(1)
  expect(await Promise.all(late)).toEqual([2, 2, 2, 2])
})

test('a failed scrape fails for those who share it, and the next one is taken', async () => {
  const { clock, scrape, end } = controlled()
  const failed = [scrape(), scrape()]
  clock.advance(100)
  const next = scrape()
  end(1, new Error('no facts'))
  for (const { status } of await Promise.allSettled(failed)) expect(status).toBe('rejected')
  await settled()
  end(2)
  expect(await next).toBe(2)
})

test('clients of one format share one reading and one body; the other format has its own', async () => {
  const { process: _, ...facts } = scrapeInput([runningUnit('a.service')])
  let readings = 0
  const clock = testClock()
  const gather = async () => {
    readings += 1
    return facts
  }
  const { scrape } = createMetrics(gather, clock)
  const texts = await Promise.all(Array.from({ length: 60 }, () => scrape('text/plain')))
  expect(readings).toBe(1)
  expect(new Set(texts.map(({ body }) => body)).size).toBe(1)
  const other = await Promise.all(Array.from({ length: 60 }, () => scrape(OPENMETRICS)))
  expect(readings).toBe(2)
  expect(String(other[0]?.body)).toMatch(/# EOF\n$/)
  clock.advance(100)
  const later = await scrape('text/plain')
  expect(readings).toBe(3)
  expect(later.body).not.toBe(texts[0]?.body)
})
