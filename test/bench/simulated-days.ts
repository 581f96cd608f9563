// Simulated days of a gateway for the flash benchmark: which events happen when, the same on every run.
export const MINUTE = 60_000
export const DAY = 24 * 60 * MINUTE

/** A start or an end of a unit's run (a crash ends it with a signal), or a scrape. */
export interface DayEvent {
  readonly atMs: number
  readonly unit: number
  readonly what: 'start' | 'stop' | 'crash' | 'scrape'
}

export interface Day {
  readonly units: number
  readonly events: readonly DayEvent[]
  readonly flushIntervalMs?: number
}

const crashAndRestart = (atMs: number, unit: number): DayEvent[] => [
  { atMs, unit, what: 'crash' },
  { atMs: atMs + 100, unit, what: 'start' },
]
const manualRestart = (atMs: number, unit: number): DayEvent[] => [
  { atMs, unit, what: 'stop' },
  { atMs: atMs + 1_000, unit, what: 'start' },
]
const loop = (everyMs: number, units: number) =>
  Array.from({ length: DAY / everyMs - 1 }, (_, i) => crashAndRestart((i + 1) * everyMs, i % units)).flat()
const scrapes = Array.from(
  { length: DAY / 15_000 },
  (_, i): DayEvent => ({ atMs: i * 15_000, unit: 0, what: 'scrape' }),
)

function atRandomTimes(n: number, units: number, eventsAt: (atMs: number, unit: number) => DayEvent[]): DayEvent[] {
  const next = seededRandom(n)
  return Array.from({ length: n }, () =>
    eventsAt(Math.floor(next() * (DAY - MINUTE)), Math.floor(next() * units)),
  ).flat()
}

function seededRandom(seed: number): () => number {
  let now = seed
  return () => {
    now = (now * 48271) % 2147483647
    return now / 2147483647
  }
}

const calm: Day = { units: 12, events: [...atRandomTimes(30, 12, crashAndRestart), ...scrapes] }
const crashLoop: Day = { units: 12, events: [...loop(5_000, 1), ...scrapes] }

/** Each day is scraped every 15 s. */
export const DAYS: Readonly<Record<string, Day>> = {
  'nothing happens': { units: 12, events: scrapes },
  'calm: 30 crashes with their restarts': calm,
  'busy: 200 units, 2,000 restarts, 200 crashes': {
    units: 200,
    events: [...atRandomTimes(2_000, 200, manualRestart), ...atRandomTimes(200, 200, crashAndRestart), ...scrapes],
  },
  'an endless crash loop, every 5 s': crashLoop,
  'the same with flush_interval 300': { ...crashLoop, flushIntervalMs: 5 * MINUTE },
  'one of 1,000 units crashes every 5 s': { units: 1000, events: [...loop(5_000, 1000), ...scrapes] },
}

/** The same where a commit is expensive. */
export const BTRFS_DAYS: Readonly<Record<string, Day>> = {
  'btrfs, calm: 30 crashes with their restarts': calm,
  'btrfs, an endless crash loop, every 5 s': crashLoop,
}
