// The StateStore on flash: records each step in memory, commits when the flush policy allows, and survives write errors.
import { settledWithin } from '../core/limits/settled-within.ts'
import { unitOf } from '../core/state.ts'
import type { PublishedNames } from '../core/topic-names.ts'
import type { Clock, Log, StateStore, Step } from '../ports.ts'
import { createCommitQueue } from './commit-queue.ts'
import { createCommitter } from './committer.ts'
import type { CommitWriter } from './file/commit-writer.ts'
import type { FlushBudget, FlushLimits } from './flush-budget.ts'
import { isFirstCrash } from './flush-policy.ts'
import { createFlushSchedule } from './flush-schedule.ts'
import { createHealthRecorder } from './health.ts'
import { createLiveState, HISTORY_EVENTS } from './live-state.ts'
import type { ResumePoint } from './resume.ts'
import type { Spill } from './spill.ts'

/** A scrape waits at most this long for its commit. */
const READER_WAITS_MS = 2_000
const OVER_BUDGET = 'more is written than flash_bytes_per_day allows, although commits are delayed'

export interface PageRingStore extends StateStore {
  /** Number of the newest event that the broker has acknowledged; 0 at first. */
  acknowledged(): number
  /** Stored with the next commit; it does not cause one. */
  acknowledge(seq: number): void
  /** The names under which messages are retained at the broker, oldest first. */
  published(): readonly PublishedNames[]
  /** Replaces them; resolves to false if they could not be written to flash. */
  publishAs(names: readonly PublishedNames[]): Promise<boolean>
  /** Replaces what the configuration allows. */
  limitFlushes(limits: FlushLimits): void
}

interface StoreOptions {
  readonly path: string
  readonly writer: CommitWriter
  readonly clock: Clock
  readonly log: Log
  readonly limits: FlushLimits
  /** What the file has stored; null if it has nothing. */
  readonly budget: FlushBudget | null
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
  const schedule = createFlushSchedule(options.budget, clock.now().monoMs, options.limits, live.numbersLow)
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
  const queue = createCommitQueue(clock, schedule.dueMs, (nowMs) => committer.commit(schedule.paidBy(nowMs)))
  let stopped = false

  const store: PageRingStore = {
    remember(step) {
      if (stopped) return
      try {
        const change = live.apply(step)
        if (!change.forFlash) return
        schedule.changed(crashIn(step), step.at.monoMs)
        queue.schedule()
      } catch (error) {
        log('error', `state: internal error, a change was not recorded: ${String(error)}`)
      }
    },
    committed: () => (health.degraded() ? live.state() : committer.committed()),
    async commitForReader() {
      if (stopped || health.degraded() || (schedule.isIdle() && !queue.busy())) return
      const commit = queue.run(async () => {
        if (schedule.readerMayCommit(clock.now().monoMs) && !health.degraded()) await committer.commit('budget')
      })
      await settledWithin(READER_WAITS_MS, commit, clock.after)
    },
    flush: () => queue.run(async () => (schedule.isIdle() && !health.degraded()) || (await committer.commit('budget'))),
    history: () => live.history().slice(-HISTORY_EVENTS),
    health() {
      const { monoMs } = clock.now()
      const notes = [options.note(), schedule.isExceeded(monoMs) ? OVER_BUDGET : null].filter((note) => note !== null)
      return health.read(options.lastingProblem, notes.join('; ') || null, schedule.longestDelayMs(monoMs) / 1000)
    },
    async stop() {
      if (stopped) return
      stopped = true
      queue.stop()
      await queue.run(async () => {
        // After an error, once more into a new file.
        if ((await committer.commit('budget', true)) || (await committer.commit('budget', true))) spill.remove()
        await writer.abandon()
      })
      await options.releaseLock()
    },
    acknowledged: live.acknowledged,
    acknowledge: live.acknowledge,
    published: live.published,
    publishAs(names) {
      live.publishAs(names)
      schedule.changed(null, clock.now().monoMs)
      return store.flush()
    },
    limitFlushes(limits) {
      schedule.setLimits(limits, clock.now().monoMs)
      queue.schedule()
    },
  }

  async function open(commit: boolean): Promise<boolean> {
    // These events are not on flash yet: they are due as if they had just happened.
    if (start.spilled.length > 0) schedule.changed(null, clock.now().monoMs)
    if (commit) return await queue.run(() => committer.commit('budget'))
    queue.schedule()
    return true
  }
  return { store, open }
}

/** Whether a unit crashed in a step, and whether it was the first crash of one. */
function crashIn({ before, events, at }: Step): 'first' | 'again' | null {
  let crash: 'again' | null = null
  for (const { kind, unit } of events) {
    if (kind !== 'crash') continue
    if (isFirstCrash(unitOf(before, unit)?.lastCrash?.atMs ?? null, at.wallMs)) return 'first'
    crash = 'again'
  }
  return crash
}
