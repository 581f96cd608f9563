// The StateStore on flash: remembers at once, commits when the policy says so, and goes on in memory where flash refuses.
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Clock, Log, StateStore, Step } from '../ports.ts'
import { changeOf } from './change.ts'
import type { CommitWriter } from './file/commit-writer.ts'
import * as policy from './flush-policy.ts'
import { type Head, headOf } from './format/page-records.ts'
import { createHealthRecorder } from './health.ts'
import type { Spill } from './spill.ts'
import { createUncommittedEventBuffer, type UncommittedEvents } from './uncommitted-events.ts'

export const HISTORY_EVENTS = 1000
/** Event numbers are reserved so many at a time, again at half: months of a crash loop on flash that refuses. */
export const RESERVED_BLOCK = 10_000_000
/** With so few left the next commit is due at once. */
const NUMBERS_LOW = 10_000
const RETRY_FIRST_MS = 5_000
const RETRY_AT_MOST_MS = 300_000
/** A scrape does not wait longer for flash. */
const READER_WAITS_MS = 2_000

export interface PageRingStore extends StateStore {
  /** The newest event that the outbox knows to be acknowledged, as kept; 0 in the beginning. */
  acknowledged(): number
  /** Keeps it with the next commit, which is not made for it. */
  acknowledge(seq: number): void
  /** Changes `flush_interval`. */
  flushEvery(ms: number): void
}

/** What a store goes on from. */
export interface StoreOptions {
  readonly path: string
  readonly disk: CommitWriter
  readonly clock: Clock
  readonly log: Log
  readonly flushIntervalMs: number
  readonly spill: Spill
  readonly release: () => Promise<void>
  readonly state: State
  readonly committed: State
  readonly spilled: readonly Event[]
  readonly history: readonly Event[]
  readonly acknowledged: number
  readonly reserved: number
  /** Number of the last commit, and that of the next. */
  readonly commit: number
  readonly nextCommit: number
  /** Shown as the problem while there is no other. */
  readonly note: string | null
}

/** `open` makes the first commit (or confirms the file), and must be awaited before the store is used; false: flash refused. */
export function startStore(start: StoreOptions): { store: PageRingStore; open: (commit: boolean) => Promise<boolean> } {
  const { clock, log, spill, disk } = start
  const health = createHealthRecorder(start.path, log)
  let { reserved, acknowledged, flushIntervalMs, committed } = start
  let live = start.state
  let history = start.history.slice(-HISTORY_EVENTS)
  let window = createUncommittedEventBuffer({ events: start.spilled, dropped: [] })
  /** Events that found no room on flash: a killed agent leaves them in its spill all the same. */
  let homeless: readonly Event[] = []
  let waiting = policy.NOTHING_UNCOMMITTED
  let governor = policy.fullFlushBudget(clock.now().monoMs)
  const lastCrash = new Map<string, number>()
  let lastCommit = start.commit
  let nextCommit = start.nextCommit
  let tail: Promise<unknown> = Promise.resolve()
  let busy = 0
  let stopped = false
  let armed: { readonly dueMs: number; readonly cancel: () => void } | null = null
  let retryMs = RETRY_FIRST_MS
  let retryAtMs: number | null = null

  function head(state: State, clean = false, bound = reserved): Head {
    return headOf(state, { reserved: bound, acknowledged, clean })
  }

  function note(step: Step): void {
    const { after, events, at } = step
    const change = changeOf({ ...step, before: live })
    live = after
    if (!change.any) return
    if (events.length > 0) {
      window.add(events)
      history.push(...events)
      if (history.length > 2 * HISTORY_EVENTS) history = history.slice(-HISTORY_EVENTS)
    }
    if (change.sameSet) spill.add(head(after), change.units, events)
    else spill.addWhole(head(after), after.units, events)
    if (!change.forFlash) return
    const crashed = events.flatMap((event) => (event.kind === 'crash' ? [event.unit] : []))
    waiting = policy.uncommittedAfter(waiting, crashed, lastCrash, at.monoMs, flushIntervalMs)
    for (const unit of crashed) lastCrash.set(unit, at.monoMs)
    schedule()
  }

  function waits(): policy.Uncommitted {
    return { ...waiting, numbersLow: reserved - live.seq < NUMBERS_LOW }
  }

  function due(): number | null {
    return retryAtMs ?? policy.commitDueMs(governor, waits(), flushIntervalMs)
  }

  /** Sets the one timer to when the next commit is due. */
  function schedule(): void {
    const dueMs = stopped || busy > 0 ? null : due()
    if (armed !== null && armed.dueMs === dueMs) return
    armed?.cancel()
    armed = null
    if (dueMs === null) return
    const cancel = clock.after(Math.max(0, dueMs - clock.now().monoMs), () => {
      armed = null
      if (!stopped) void inTurn(commitIfDue)
    })
    armed = { dueMs, cancel }
  }

  async function commitIfDue(): Promise<void> {
    const nowMs = clock.now().monoMs
    const dueMs = due()
    if (dueMs === null || dueMs > nowMs) return
    await attempt(retryAtMs === null ? policy.commitReason(governor, waits(), nowMs, flushIntervalMs) : 'forced')
  }

  /** One at a time, in order. */
  async function inTurn<T>(job: () => Promise<T>): Promise<T> {
    busy++
    const mine = tail.then(job)
    tail = mine.catch(() => {})
    try {
      return await mine
    } finally {
      busy--
      schedule()
    }
  }

  /** One commit of all that is remembered now. Never rejects; false where flash refused. */
  async function attempt(why: policy.CommitReason, clean = false): Promise<boolean> {
    const began = clock.now()
    const [state, taken, was] = [live, window.take(), waiting]
    const seq = nextCommit
    waiting = policy.NOTHING_UNCOMMITTED
    const bound = reserved - state.seq < RESERVED_BLOCK / 2 ? state.seq + RESERVED_BLOCK : reserved
    if (!clean) turnSpill(seq, state, taken)
    try {
      const { bytes, omitted } = await disk.write({
        state,
        committed,
        window: taken,
        head: head(state, clean, bound),
        seq,
        history,
      })
      const now = clock.now()
      committed = state
      reserved = bound
      lastCommit = seq
      nextCommit = seq + 1
      retryAtMs = null
      retryMs = RETRY_FIRST_MS
      governor = policy.afterCommit(governor, why, began.monoMs, flushIntervalMs)
      health.wrote(bytes, (now.monoMs - began.monoMs) / 1000, now.wallMs, now.monoMs)
      if (omitted.length > 0) {
        homeless = [...homeless, ...omitted].slice(-HISTORY_EVENTS)
        spill.add(head(live), [], omitted)
      }
      spill.dropOther()
      return true
    } catch (error) {
      const nowMs = clock.now().monoMs
      const since = window.take()
      window = createUncommittedEventBuffer({ events: taken.events, dropped: [...taken.dropped, ...since.dropped] })
      window.add(since.events)
      waiting = { ...waiting, sinceMs: was.sinceMs ?? waiting.sinceMs }
      await disk.abandon()
      health.failed(error, nowMs)
      retryAtMs = nowMs + retryMs
      retryMs = Math.min(RETRY_AT_MOST_MS, retryMs * 2)
      return false
    }
  }

  /** What comes from now on waits in the slot of the commit that begins; that of the last one stays until it is done. */
  function turnSpill(seq: number, state: State, taken: UncommittedEvents): void {
    if (spill.base() === null) spill.begin(lastCommit, head(state), state.units, taken.events, true)
    if (spill.base() !== seq) spill.begin(seq, head(state), [], homeless, false)
  }

  const store: PageRingStore = {
    remember(step) {
      if (stopped) return
      try {
        note(step)
      } catch (error) {
        log('error', `state: a step could not be noted: ${String(error)}`)
      }
    },
    committed: () => (health.degraded() ? live : committed),
    async commitForReader() {
      if (stopped || health.degraded() || (waiting.sinceMs === null && busy === 0)) return
      let undo = () => {}
      const enough = new Promise<void>((resolve) => {
        undo = clock.after(READER_WAITS_MS, resolve)
      })
      const commit = inTurn(async () => {
        const nowMs = clock.now().monoMs
        if (!policy.readerMayCommit(governor, waiting, nowMs, flushIntervalMs) || health.degraded()) return
        await attempt(policy.commitReason(governor, waiting, nowMs, flushIntervalMs))
      })
      await Promise.race([commit, enough])
      undo()
    },
    flush: () => inTurn(async () => (waiting.sinceMs === null && !health.degraded()) || (await attempt('forced'))),
    history: () => history.slice(-HISTORY_EVENTS),
    health: () => health.read(start.note),
    async stop() {
      if (stopped) return
      stopped = true
      armed?.cancel()
      armed = null
      await inTurn(async () => {
        // A second time into a new file, where the old one fails.
        if ((await attempt('forced', true)) || (await attempt('forced', true))) spill.remove()
        await disk.abandon()
      })
      await start.release()
    },
    acknowledged: () => acknowledged,
    acknowledge(seq) {
      acknowledged = Math.max(acknowledged, seq)
    },
    flushEvery(ms) {
      flushIntervalMs = ms
      schedule()
    },
  }

  /** Something was taken up that flash does not hold: as if it had happened now. */
  async function open(commit: boolean): Promise<boolean> {
    if (start.spilled.length > 0)
      waiting = policy.uncommittedAfter(waiting, [], lastCrash, clock.now().monoMs, flushIntervalMs)
    if (!commit) schedule()
    return commit ? await inTurn(() => attempt('forced')) : true
  }
  return { store, open }
}
