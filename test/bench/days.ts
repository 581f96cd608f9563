// Days of a gateway, for the bench of flash: what happens when. The same on every run.
export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

/** Runs of a unit begin and end; a crash is an end with a signal. */
export interface Happening {
  readonly atMs: number
  readonly unit: number
  readonly what: 'start' | 'stop' | 'crash' | 'scrape'
}

export interface Day {
  readonly units: number
  readonly happenings: readonly Happening[]
  readonly flushIntervalMs?: number
}

const crashAndRestart = (atMs: number, unit: number): Happening[] => [
  { atMs, unit, what: 'crash' },
  { atMs: atMs + 100, unit, what: 'start' },
]
const restartByHand = (atMs: number, unit: number): Happening[] => [
  { atMs, unit, what: 'stop' },
  { atMs: atMs + 1_000, unit, what: 'start' },
]
const loop = (everyMs: number, units: number) =>
  Array.from({ length: DAY / everyMs - 1 }, (_, i) => crashAndRestart((i + 1) * everyMs, i % units)).flat()
const scrapes = Array.from(
  { length: DAY / 15_000 },
  (_, i): Happening => ({ atMs: i * 15_000, unit: 0, what: 'scrape' }),
)

function anyTime(n: number, units: number, happens: (atMs: number, unit: number) => Happening[]): Happening[] {
  const next = random(n)
  return Array.from({ length: n }, () =>
    happens(Math.floor(next() * (DAY - MINUTE)), Math.floor(next() * units)),
  ).flat()
}

function random(seed: number): () => number {
  let now = seed
  return () => {
    now = (now * 48271) % 2147483647
    return now / 2147483647
  }
}

const oneInALoop = { units: 12, happenings: [...loop(5_000, 1), ...scrapes] }

/** Each scraped every 15 s. */
export const DAYS: Readonly<Record<string, Day>> = {
  'nothing happens': { units: 12, happenings: scrapes },
  'calm: 30 crashes with their restarts': { units: 12, happenings: [...anyTime(30, 12, crashAndRestart), ...scrapes] },
  'busy: 200 units, 2,000 restarts, 200 crashes': {
    units: 200,
    happenings: [...anyTime(2_000, 200, restartByHand), ...anyTime(200, 200, crashAndRestart), ...scrapes],
  },
  'an endless crash loop, every 5 s': oneInALoop,
  'the same with flush_interval 300': { ...oneInALoop, flushIntervalMs: 5 * MINUTE },
  'one of 1,000 units crashes every 5 s': { units: 1000, happenings: [...loop(5_000, 1000), ...scrapes] },
}
