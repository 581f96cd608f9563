// Makes one commit: all that is remembered now goes to flash, and the spill begins anew behind it.
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Clock } from '../ports.ts'
import type { CommitWriter } from './file/commit-writer.ts'
import type { CommitReason } from './flush-policy.ts'
import type { FlushSchedule } from './flush-schedule.ts'
import type { HealthRecorder } from './health.ts'
import { HISTORY_EVENTS, type LiveState } from './live-state.ts'
import type { Spill } from './spill.ts'
import type { UncommittedEvents } from './uncommitted-events.ts'

interface Committer {
  /** The state as of the last commit. */
  committed(): State
  /** Never rejects; false where flash refused. `clean`: the last commit of an orderly stop. */
  commit(reason: CommitReason, clean?: boolean): Promise<boolean>
}

interface CommitterOptions {
  readonly clock: Clock
  readonly writer: CommitWriter
  readonly spill: Spill
  readonly live: LiveState
  readonly schedule: FlushSchedule
  readonly health: HealthRecorder
  readonly committed: State
  /** Number of the last commit, and that of the next. */
  readonly lastCommit: number
  readonly nextCommit: number
}

export function createCommitter(options: CommitterOptions): Committer {
  const { clock, writer, spill, live, schedule, health } = options
  let { committed, lastCommit, nextCommit } = options
  /** Events that found no room in any commit: a killed agent leaves them in its spill all the same. */
  let eventsNotOnFlash: readonly Event[] = []

  async function commit(reason: CommitReason, clean = false): Promise<boolean> {
    const began = clock.now()
    const state = live.state()
    const events = live.uncommittedEvents.take()
    const uncommitted = schedule.begin()
    const seq = nextCommit
    const reserved = live.boundFor(state)
    if (!clean) turnSpill(seq, state, events)
    try {
      const head = live.head(state, { clean, reserved })
      const result = await writer.write({ state, committed, events, head, seq, history: live.history() })
      const now = clock.now()
      committed = state
      lastCommit = seq
      nextCommit = seq + 1
      live.reserve(reserved)
      schedule.succeeded(reason, began.monoMs)
      health.wrote(result.bytes, (now.monoMs - began.monoMs) / 1000, now.wallMs, now.monoMs)
      if (result.omitted.length > 0) keepInSpill(result.omitted)
      spill.dropOther()
      return true
    } catch (error) {
      const nowMs = clock.now().monoMs
      live.uncommittedEvents.putBack(events)
      schedule.failed(uncommitted, nowMs)
      await writer.abandon()
      health.failed(error, nowMs)
      return false
    }
  }

  /** What comes from now on waits in the slot of the commit that begins; that of the last one stays until it is done. */
  function turnSpill(seq: number, state: State, { events }: UncommittedEvents): void {
    if (spill.base() === null) spill.begin(lastCommit, live.head(state), state.units, events, true)
    if (spill.base() !== seq) spill.begin(seq, live.head(state), [], eventsNotOnFlash, false)
  }

  function keepInSpill(omitted: readonly Event[]): void {
    eventsNotOnFlash = [...eventsNotOnFlash, ...omitted].slice(-HISTORY_EVENTS)
    spill.add(live.head(live.state()), [], omitted)
  }

  return { committed: () => committed, commit }
}
