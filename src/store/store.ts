// The StateStore on flash: records each step in memory, commits when the flush policy allows, and survives write errors.
import { settledWithin } from '../core/limits/settled-within.ts'
import type { PublishedNames } from '../core/topic-names.ts'
import type { Clock, Log, StateStore } from '../ports.ts'
import { createCommitQueue } from './commit-queue.ts'
import { createCommitter } from './committer.ts'
import type { CommitWriter } from './file/commit-writer.ts'
import { createFlushSchedule } from './flush-schedule.ts'
import { createHealthRecorder } from './health.ts'
import { createLiveState, HISTORY_EVENTS } from './live-state.ts'
import type { ResumePoint } from './resume.ts'
import type { Spill } from './spill.ts'

/** A scrape waits at most this long for its commit. */
const READER_WAITS_MS = 2_000

export interface PageRingStore extends StateStore {
  /** Number of the newest event that the broker has acknowledged; 0 at first. */
  acknowledged(): number
  /** Stored with the next commit; it does not cause one. */
  acknowledge(seq: number): void
  /** The names under which messages are retained at the broker, oldest first. */
  published(): readonly PublishedNames[]
  /** Replaces them; resolves to false if they could not be written to flash. */
  publishAs(names: readonly PublishedNames[]): Promise<boolean>
  /** Changes `flush_interval`. */
  flushEvery(ms: number): void
}

interface StoreOptions {
  readonly path: string
  readonly writer: CommitWriter
  readonly clock: Clock
  readonly log: Log
  readonly flushIntervalMs: number
  readonly spill: Spill
  readonly releaseLock: () => Promise<void>
  readonly start: ResumePoint
  readonly reserved: number
  /** Numbers of the last commit and of the next one. */
  readonly lastCommit: number
  readonly nextCommit: number
  /** A problem until the next start, shown while there is no write error; null for none. */
  readonly lastingProblem: string | null
  /** Something to know about the file while there is no problem; null for nothing. */
  readonly note: () => string | null
}

/**
 * `open(true)` makes the first commit, `open(false)` continues with the file as it is. Await it before the store is used;
 * it resolves to false if the write failed.
 */
export function createStore(options: StoreOptions): {
  store: PageRingStore
  open: (commit: boolean) => Promise<boolean>
} {
  const { clock, log, spill, writer, start } = options
  const health = createHealthRecorder(options.path, clock, log)
  const live = createLiveState(start, options.reserved, spill)
  const schedule = createFlushSchedule(clock.now().monoMs, options.flushIntervalMs, live.numbersLow)
  const committer = createCommitter({
    clock,
    writer,
    spill,
    live,
    schedule,
    health,
    committed: start.committed,
    lastCommit: options.lastCommit,
    nextCommit: options.nextCommit,
  })
  const queue = createCommitQueue(clock, schedule.dueMs, (nowMs) => committer.commit(schedule.reason(nowMs)))
  let stopped = false

  const store: PageRingStore = {
    remember(step) {
      if (stopped) return
      try {
        const change = live.apply(step)
        if (!change.forFlash) return
        const crashed = step.events.flatMap((event) => (event.kind === 'crash' ? [event.unit] : []))
        schedule.changed(crashed, step.at.monoMs)
        queue.schedule()
      } catch (error) {
        log('error', `state: internal error, a change was not recorded: ${String(error)}`)
      }
    },
    committed: () => (health.degraded() ? live.state() : committer.committed()),
    async commitForReader() {
      if (stopped || health.degraded() || (schedule.isIdle() && !queue.busy())) return
      const commit = queue.run(async () => {
        const reason = schedule.readerReason(clock.now().monoMs)
        if (reason !== null && !health.degraded()) await committer.commit(reason)
      })
      await settledWithin(READER_WAITS_MS, commit, clock.after)
    },
    flush: () => queue.run(async () => (schedule.isIdle() && !health.degraded()) || (await committer.commit('forced'))),
    history: () => live.history().slice(-HISTORY_EVENTS),
    health: () => health.read(options.lastingProblem, options.note()),
    async stop() {
      if (stopped) return
      stopped = true
      queue.stop()
      await queue.run(async () => {
        // After an error, once more into a new file.
        if ((await committer.commit('forced', true)) || (await committer.commit('forced', true))) spill.remove()
        await writer.abandon()
      })
      await options.releaseLock()
    },
    acknowledged: live.acknowledged,
    acknowledge: live.acknowledge,
    published: live.published,
    publishAs(names) {
      live.publishAs(names)
      schedule.changed([], clock.now().monoMs)
      return store.flush()
    },
    flushEvery(ms) {
      schedule.setFlushInterval(ms)
      queue.schedule()
    },
  }

  async function open(commit: boolean): Promise<boolean> {
    // These events are not on flash yet: they are due as if they had just happened.
    if (start.spilled.length > 0) schedule.changed([], clock.now().monoMs)
    if (commit) return await queue.run(() => committer.commit('forced'))
    queue.schedule()
    return true
  }
  return { store, open }
}
