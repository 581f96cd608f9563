// The pushes that wait for the receiver, oldest first. Each holds only what changed since the one before: counters
// rarely do, so two hours of them take less memory than one request.
import type { PushedSeries } from './series.ts'

/** A value, or the end of the series, which is sent as a staleness mark. */
export type SampleValue = number | null

export interface Push {
  readonly atMonoMs: number
  /** About as many as the labels of its new series take in a request. */
  readonly newBytes: number
  /** How many samples it has: one for each series that exists, or ends. 0 if it was left out. */
  readonly samples: number
  /** The timestamp of its samples; null until it is first put into a request. */
  readonly stampMs: number | null
}

export interface Backlog {
  add(atMonoMs: number, values: ReadonlyMap<PushedSeries, number>): void
  /** Adds staleness marks for these series alone. */
  addEnd(atMonoMs: number, series: readonly PushedSeries[]): void
  /** The oldest push; undefined if there is none. */
  first(): Push | undefined
  /** The pushes, oldest first, with their samples, which must be read before the next push. */
  rows(): Generator<readonly [Push, Iterable<readonly [PushedSeries, SampleValue]>]>
  stamp(push: Push, stampMs: number): void
  /** Its samples are not sent, but count as the values before the next push. */
  leaveOut(push: Push): void
  removeFirst(count?: number): void
  /** How many samples all pushes have. */
  samples(): number
  /** About how much memory they take. */
  bytes(): number
  length(): number
}

interface QueuedPush extends Push {
  samples: number
  stampMs: number | null
  readonly changed: readonly PushedSeries[]
  readonly values: readonly number[]
  readonly ended: readonly PushedSeries[]
  /** Without a sample for each series that exists. */
  readonly endOnly: boolean
  readonly bytes: number
}

/** Estimates, in bytes: an object with its arrays; a series and its value in them. */
const PUSH_BYTES = 300
const CHANGE_BYTES = 16

export function createBacklog(): Backlog {
  const queue: QueuedPush[] = []
  /** The values before the first push, and those of the last one. */
  const before = new Map<PushedSeries, number>()
  let latest: ReadonlyMap<PushedSeries, number> = new Map()
  let samples = 0
  let bytes = 0

  const enqueue = (push: Omit<QueuedPush, 'stampMs' | 'bytes'>) => {
    const size = PUSH_BYTES + CHANGE_BYTES * (push.changed.length + push.ended.length) + push.newBytes
    queue.push({ ...push, stampMs: null, bytes: size })
    samples += push.samples
    bytes += size
  }

  return {
    add(atMonoMs, values) {
      const changed = [...values].filter(([series, value]) => !Object.is(latest.get(series), value))
      const ended = [...latest.keys()].filter((series) => !values.has(series))
      const isNew = changed.filter(([series]) => !latest.has(series))
      enqueue({
        atMonoMs,
        changed: changed.map(([series]) => series),
        values: changed.map(([, value]) => value),
        ended,
        endOnly: false,
        samples: values.size + ended.length,
        newBytes: isNew.reduce((sum, [series]) => sum + series.labels.length, 0),
      })
      latest = values
    },
    addEnd(atMonoMs, series) {
      const ended = series.filter((one) => latest.has(one))
      if (ended.length === 0) return
      enqueue({ atMonoMs, changed: [], values: [], ended, endOnly: true, samples: ended.length, newBytes: 0 })
      latest = new Map([...latest].filter(([one]) => !ended.includes(one)))
    },
    first: () => queue[0],
    *rows() {
      const values = new Map(before)
      for (const push of queue) {
        apply(push, values)
        if (push.samples > 0) yield [push, samplesOf(push, values)]
        else yield [push, []]
      }
    },
    stamp(push, stampMs) {
      ;(push as QueuedPush).stampMs = stampMs
    },
    leaveOut(push) {
      samples -= push.samples
      ;(push as QueuedPush).samples = 0
    },
    removeFirst(count = 1) {
      for (const push of queue.splice(0, count)) {
        apply(push, before)
        samples -= push.samples
        bytes -= push.bytes
      }
    },
    samples: () => samples,
    bytes: () => bytes,
    length: () => queue.length,
  }
}

function apply({ changed, values, ended }: QueuedPush, to: Map<PushedSeries, number>): void {
  changed.forEach((series, i) => {
    to.set(series, values[i] as number)
  })
  for (const series of ended) to.delete(series)
}

function* samplesOf(
  { ended, endOnly }: QueuedPush,
  values: ReadonlyMap<PushedSeries, number>,
): Generator<readonly [PushedSeries, SampleValue]> {
  if (!endOnly) yield* values
  for (const series of ended) yield [series, null]
}
