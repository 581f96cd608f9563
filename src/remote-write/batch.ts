// Composes the next request from the front of the backlog: as many whole pushes as fit, or a part of one that is too large.
import type { Backlog, Push, SampleValue } from './backlog.ts'
import type { PushedSeries } from './series.ts'

/**
 * Far below the 1 MiB that receivers take at least, because D-Bus signals wait while a batch is encoded: 7 ms on x64, and
 * much longer on a Cortex-A7.
 */
const BATCH_BYTES_AT_MOST = 64 * 1024
/** A value, a time in ms, and their tags. */
const SAMPLE_BYTES = 18
/** The tag and the length of a series. */
const SERIES_BYTES = 4

export interface BatchSample {
  readonly stampMs: number
  /** Null: a staleness mark. */
  readonly value: SampleValue
}

export interface Batch {
  /** The samples of each series, oldest first. */
  readonly series: ReadonlyMap<PushedSeries, readonly BatchSample[]>
  readonly samples: number
  /** At least as many as it takes before compression. */
  readonly bytes: number
  /** How many pushes have samples in it. */
  readonly pushes: number
  /** How many pushes at the front of the backlog are done when this batch is. */
  readonly completes: number
  /** The push after them is too large for one request, and these samples are a part of it. */
  readonly isPart: boolean
}

export interface BatchLimits {
  readonly pushesAtMost: number
  /** How many samples of the first push were in earlier batches. */
  readonly samplesToSkip: number
}

/** Null if nothing is left to be sent. `stampOf` returns the timestamp of a push, or null if it is left out. */
export function nextBatch(
  backlog: Backlog,
  { pushesAtMost, samplesToSkip }: BatchLimits,
  stampOf: (push: Push) => number | null,
): Batch | null {
  const series = new Map<PushedSeries, BatchSample[]>()
  let bytes = 0
  let samples = 0
  let pushes = 0
  let completes = 0
  for (const [push, row] of backlog.rows()) {
    const isFirst = pushes === 0
    if (!isFirst && (pushes >= pushesAtMost || samplesToSkip > 0)) break
    if (!isFirst && bytes + push.samples * SAMPLE_BYTES + push.newBytes > BATCH_BYTES_AT_MOST) break
    const stampMs = stampOf(push)
    if (stampMs !== null) {
      let position = 0
      for (const [one, value] of row) {
        position += 1
        if (isFirst && position <= samplesToSkip) continue
        let list = series.get(one)
        const size = SAMPLE_BYTES + (list === undefined ? SERIES_BYTES + one.labels.length : 0)
        if (isFirst && samples > 0 && bytes + size > BATCH_BYTES_AT_MOST)
          return { series, samples, bytes, pushes: 1, completes, isPart: true }
        if (list === undefined) {
          list = []
          series.set(one, list)
        }
        list.push({ stampMs, value })
        bytes += size
        samples += 1
      }
      pushes += 1
    }
    completes += 1
  }
  return completes === 0 ? null : { series, samples, bytes, pushes, completes, isPart: false }
}
