// The front of the backlog as requests: keeps the one whose response is not known yet, splits what is refused, and drops
// what stays refused, is too old or does not fit.
import type { Clock } from '../ports.ts'
import type { Backlog, Push } from './backlog.ts'
import { type Batch, nextBatch } from './batch.ts'
import { encode } from './encode.ts'
import type { DropReason, Report } from './report.ts'

const BACKLOG_BYTES_AT_MOST = 1024 * 1024

export interface EncodedBatch extends Batch {
  readonly body: Uint8Array
}

export interface BatchQueue {
  /** Drops the oldest pushes beyond the limits; the newest one is kept. Not while a request is on its way. */
  trim(): void
  /**
   * The oldest samples, as one request. Until it is accepted, refused or given up, each call returns the same bytes: a
   * request whose response was lost is repeated exactly. Null if nothing waits.
   */
  next(): EncodedBatch | null
  accepted(batch: EncodedBatch): void
  /** The receiver refuses a sample of the batch for good: only then, parts of it are sent, or it is dropped. */
  refused(batch: EncodedBatch, reason: DropReason, text: string): void
  /** The samples will be sent in another request. */
  giveUp(): void
}

export function createBatchQueue(backlog: Backlog, backlogMs: () => number, report: Report, clock: Clock): BatchQueue {
  const stampOf = createStamps(backlog, report, clock)
  let pending: EncodedBatch | null = null
  let pushesAtMost = Number.POSITIVE_INFINITY
  /** Of the first push, which is too large for one request. */
  let samplesToSkip = 0

  const done = ({ completes, isPart, samples }: Batch) => {
    pending = null
    samplesToSkip = isPart ? samplesToSkip + samples : 0
    backlog.removeFirst(completes)
  }
  const compose = (): EncodedBatch | null => {
    const batch = nextBatch(backlog, { pushesAtMost, samplesToSkip }, stampOf)
    if (batch === null) return null
    if (batch.samples > 0) return { ...batch, body: encode(batch) }
    done(batch) // all of its pushes are left out
    return null
  }
  const whyDropped = (push: Push): DropReason | null => {
    if (push.atMonoMs < clock.now().monoMs - backlogMs()) return 'expired'
    return backlog.bytes() > BACKLOG_BYTES_AT_MOST ? 'overflow' : null
  }

  return {
    trim() {
      for (let first = backlog.first(); first !== undefined && backlog.length() > 1; first = backlog.first()) {
        const reason = whyDropped(first)
        if (reason === null) return
        report.dropped(reason, first.samples - samplesToSkip)
        backlog.removeFirst()
        samplesToSkip = 0
        pending = null
      }
    },
    next() {
      pending ??= compose()
      return pending
    },
    accepted(batch) {
      report.accepted(batch.samples)
      pushesAtMost *= 2 // after a split: back to whole batches
      done(batch)
    },
    refused(batch, reason, text) {
      if (batch.pushes > 1) {
        report.failed(text, batch.samples)
        pushesAtMost = Math.ceil(batch.pushes / 2)
        pending = null
      } else {
        report.dropped(reason, batch.samples, text)
        done(batch)
      }
    },
    giveUp() {
      pending = null
    },
  }
}

/**
 * Returns the timestamp of a push, by the clock as it is when the push is first sent. It is then fixed: a series never has
 * two values for one time. If the clock was set back to times that were already sent, the push is left out.
 */
function createStamps(backlog: Backlog, report: Report, clock: Clock): (push: Push) => number | null {
  let last = Number.NEGATIVE_INFINITY
  return (push) => {
    if (push.stampMs !== null || push.samples === 0) return push.stampMs
    const stampMs = Math.round(clock.wallMsOf(push.atMonoMs))
    if (stampMs <= last) {
      report.dropped('clock', push.samples)
      backlog.leaveOut(push)
      return null
    }
    last = stampMs
    backlog.stamp(push, stampMs)
    return stampMs
  }
}
