// When the data of the card are due to be read again. Pure.
import type { ApiEvent } from '../api-types.ts'

/** Of what no event reports. */
const READ_EVERY_MS = 15_000
/** The ages in the sentences of an explanation do not count on. */
const EXPLAIN_EVERY_MS = 60_000

export interface ReadingSchedule {
  /** The card shows another unit. */
  reset(): void
  /** What is to be read now, with the explanation or without; null: nothing. `own`: the unit's events, oldest first. */
  due(own: readonly ApiEvent[], nowMs: number): 'all' | 'details' | null
}

export function createReadingSchedule(): ReadingSchedule {
  let readAtMs = Number.NEGATIVE_INFINITY
  let explainedAtMs = Number.NEGATIVE_INFINITY
  /** The last event and the last crash: if they are others, or have more evidence, there is something else to explain. */
  let explained: readonly (ApiEvent | undefined)[] = []
  return {
    reset() {
      readAtMs = Number.NEGATIVE_INFINITY
      explainedAtMs = Number.NEGATIVE_INFINITY
    },
    due(own, nowMs) {
      const latest = [own.at(-1), own.findLast(({ event }) => event === 'crash')]
      const isNews = latest.some((event, i) => event !== explained[i])
      if (!isNews && nowMs - readAtMs < READ_EVERY_MS) return null
      readAtMs = nowMs
      if (!isNews && nowMs - explainedAtMs < EXPLAIN_EVERY_MS) return 'details'
      explainedAtMs = nowMs
      explained = latest
      return 'all'
    },
  }
}
