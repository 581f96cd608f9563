// Makes one commit: writes the live state to flash and switches the spill to a new slot.
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Clock } from '../ports.ts'
import type { CommitWriter } from './file/commit-writer.ts'
import type { PaidBy } from './flush-budget.ts'
import type { FlushSchedule } from './flush-schedule.ts'
import type { HealthRecorder } from './health.ts'
import { HISTORY_EVENTS, type LiveState } from './live-state.ts'
import type { Spill } from './spill.ts'
import type { UncommittedEvents } from './uncommitted-events.ts'

interface Committer {
  /** The state as of the last commit. */
  committed(): State
  /** Resolves to false if the write failed; never rejects. `clean` marks the last commit of an orderly stop. */
  commit(by: PaidBy, clean?: boolean): Promise<boolean>
}

interface CommitterOptions {
  readonly clock: Clock
  readonly writer: CommitWriter
  readonly spill: Spill
  readonly live: LiveState
  readonly schedule: FlushSchedule
  readonly health: HealthRecorder
  readonly committed: State
  /** Numbers of the last commit and of the next one. */
  readonly lastCommit: number
  readonly nextCommit: number
}

export function createCommitter(options: CommitterOptions): Committer {
  const { clock, writer, spill, live, schedule, health } = options
  let { committed, lastCommit, nextCommit } = options
  /** Events that fitted into no commit. They stay in the spill, so that they survive a kill of the agent. */
  let eventsNotOnFlash: readonly Event[] = []
  let isRetry = false

  async function commit(by: PaidBy, clean = false): Promise<boolean> {
    const began = clock.now()
    const state = live.state()
    const events = live.uncommittedEvents.take()
    const uncommitted = schedule.begin()
    const seq = nextCommit
    const reserved = live.boundFor(state)
    if (!clean) switchSpillSlot(seq, state, events)
    try {
      const head = live.head(state, { clean, reserved, budget: schedule.stored(by, began.monoMs) })
      const result = await writer.write({ state, committed, events, head, seq, history: live.history() })
      const now = clock.now()
      committed = state
      lastCommit = seq
      nextCommit = seq + 1
      isRetry = false
      live.reserve(reserved)
      schedule.succeeded(by, result.bytes, began.monoMs)
      health.wrote(result.bytes, (now.monoMs - began.monoMs) / 1000, now.monoMs)
      health.budget(schedule.isExceeded(now.monoMs), schedule.limits().bytesPerDay)
      if (result.omitted.length > 0) keepInSpill(result.omitted)
      spill.dropOther()
      return true
    } catch (error) {
      const nowMs = clock.now().monoMs
      live.uncommittedEvents.putBack(events)
      schedule.failed(uncommitted, nowMs)
      // Parts of it may be on a partition, so its number is not used again; the next but one has the same spill slot.
      nextCommit = seq + 2
      isRetry = true
      await writer.abandon()
      health.failed(error, nowMs)
      return false
    }
  }

  /**
   * Steps from now on go to the slot of the commit that starts. The slot of the commit before stays until this one is on
   * flash.
   */
  function switchSpillSlot(seq: number, state: State, { events }: UncommittedEvents): void {
    if (spill.base() === null) spill.begin(lastCommit, live.head(state), state, events)
    // The steps since the failed commit are in the slot that this one replaces.
    if (isRetry) spill.begin(seq, live.head(state), state, [...eventsNotOnFlash, ...events])
    else spill.begin(seq, live.head(state), null, eventsNotOnFlash)
  }

  function keepInSpill(omitted: readonly Event[]): void {
    eventsNotOnFlash = [...eventsNotOnFlash, ...omitted].slice(-HISTORY_EVENTS)
    spill.add(live.head(live.state()), [], omitted)
  }

  return { committed: () => committed, commit }
}
