// Sends the batches, oldest first and one at a time, and decides when the next attempt is made.
import { messageOf } from '../core/error-text.ts'
import { type Backoff, backoffMs } from '../core/limits/backoff.ts'
import type { Clock } from '../ports.ts'
import type { BatchQueue, EncodedBatch } from './batch-queue.ts'
import type { Post } from './options.ts'
import type { Report } from './report.ts'
import { type Verdict, verdictOf } from './response.ts'

/** The longest wait spreads a fleet over a minute after the receiver was down. */
const RETRY: Backoff = { firstMs: 2_000, longestMs: 120_000, shortestMs: 500 }
/** A receiver cannot stop the push for longer with Retry-After. */
const RETRY_AFTER_AT_MOST_MS = 3_600_000

export interface SenderOptions {
  readonly queue: BatchQueue
  readonly post: Post
  readonly clockIsWrong: () => boolean
  readonly report: Report
  readonly clock: Clock
  readonly random: () => number
}

export interface Sender {
  /** A push was added: sends it, unless a wait for the next attempt is in progress. */
  pushed(): void
  /** Ends that wait. */
  retryNow(): void
  /** Sends the waiting samples without further retries, and resolves. Call `abort` if that takes too long. */
  finish(): Promise<void>
  abort(): void
}

export function createSender({ queue, post, clockIsWrong, report, clock, random }: SenderOptions): Sender {
  const aborter = new AbortController()
  let failures = 0
  let sending: Promise<void> | null = null
  let isWanted = false
  /** Ends the wait for the next attempt; null while there is none. */
  let cancelWait: (() => void) | null = null

  const endWait = () => {
    cancelWait?.()
    cancelWait = null
  }
  /** During a wait for the next attempt, nothing is sent. */
  const send = () => {
    isWanted = true
    sending ??= sendAll().finally(() => {
      sending = null
    })
  }
  const sendAll = async () => {
    while (isWanted && cancelWait === null) {
      isWanted = false
      while (!aborter.signal.aborted && (await sendNext())) {}
    }
  }

  /** True if the next batch may follow at once. */
  const sendNext = async (): Promise<boolean> => {
    queue.trim()
    if (clockIsWrong()) {
      report.waitsForClock()
      return false
    }
    const batch = queue.next()
    if (batch === null) return false
    const verdict = await verdictFor(batch.body)
    return !aborter.signal.aborted && settle(batch, verdict)
  }

  const verdictFor = async (body: Uint8Array): Promise<Verdict> => {
    try {
      return verdictOf(await post(body, aborter.signal), clock.now().wallMs)
    } catch (error) {
      return { kind: 'retry', text: messageOf(error), afterMs: null }
    }
  }

  const settle = (batch: EncodedBatch, verdict: Verdict): boolean => {
    switch (verdict.kind) {
      case 'accepted':
        failures = 0
        queue.accepted(batch)
        return true
      case 'refused':
        queue.refused(batch, verdict.reason, verdict.text)
        return true
      case 'denied':
        // Not the same request again: these samples are sent with those of the next push.
        report.failed(verdict.text, batch.samples)
        queue.giveUp()
        return false
      case 'retry':
        report.failed(verdict.text, batch.samples)
        waitThenSend(verdict.afterMs)
        return false
    }
  }

  const waitThenSend = (afterMs: number | null) => {
    const ms = backoffMs(RETRY, failures++, random())
    // Also jittered, because the receiver gives the same time to the whole fleet.
    const leastMs = Math.min(afterMs ?? 0, RETRY_AFTER_AT_MOST_MS) * (1 + random() / 2)
    endWait()
    cancelWait = clock.after(Math.max(ms, leastMs), () => {
      cancelWait = null
      send()
    })
  }

  return {
    pushed() {
      if (sending === null) queue.trim()
      send()
    },
    retryNow() {
      endWait()
      send()
    },
    async finish() {
      endWait()
      await sending
      endWait()
      send()
      await sending
    },
    abort() {
      aborter.abort()
      endWait()
    },
  }
}
