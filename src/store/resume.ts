// Decides what an agent continues with at its start: the state file, and the spill of a killed agent. Pure.
import type { Event } from '../core/event.ts'
import { otherMachine } from '../core/recount.ts'
import type { State } from '../core/state.ts'
import type { PublishedNames } from '../core/topic-names.ts'
import { LARGEST_NUMBER } from './format/bytes.ts'
import { applyPayloads, inOrder, NO_PAGES, type RecoveredFile } from './recovery.ts'
import type { SpillSlot } from './spill-slot.ts'

/**
 * How the state was recovered. `fresh`: there was none. `clean`: after an orderly stop. `spill`: completely, after a kill.
 * `unclean`: from flash only, after a power loss. `damaged`: the file is not readable.
 */
export type Recovery = 'fresh' | 'clean' | 'spill' | 'unclean' | 'damaged'

/** What the agent continues with. */
export interface ResumePoint {
  readonly recovered: Recovery
  readonly state: State
  /** The state as of the last commit on flash. */
  readonly committed: State
  /** Events that are not on flash. */
  readonly spilled: readonly Event[]
  readonly history: readonly Event[]
  readonly acknowledged: number
  readonly published: readonly PublishedNames[]
}

/**
 * `fresh`: the state to use if there is none; its policy is used in any case. `boot`: of the running system, null if
 * unknown.
 */
export function resume(
  file: RecoveredFile,
  slots: readonly SpillSlot[],
  boot: string | null,
  fresh: State,
  fileExists: boolean,
): ResumePoint {
  const { policy } = fresh
  const committed = file.state === null ? null : { ...file.state, policy }
  const spill = resumeFromSpill(file, committed, slots, boot)
  const point = (recovered: Recovery, state: State, onFlash = state, spilled: readonly Event[] = []): ResumePoint => ({
    recovered,
    state,
    committed: onFlash,
    spilled,
    history: inOrder([...file.events, ...spilled]).filter((event) => existsIn(state, event)),
    acknowledged: Math.min(Math.max(file.head?.acknowledged ?? 0, spill?.acknowledged ?? 0), state.seq),
    published: spill?.published ?? file.head?.published ?? [],
  })
  if (spill !== null) return point('spill', { ...spill.state, policy }, committed ?? fresh, spill.events)
  if (committed === null) return point(fileExists ? 'damaged' : 'fresh', fresh)
  if (file.head?.clean && file.complete) return point('clean', committed)
  const last = Math.max(file.lastEvent, committed.seq)
  const seq = Math.max(file.reserved, last)
  return point('unclean', { ...committed, seq, seqGap: committed.seqGap + seq - last })
}

/**
 * The state of an agent on this machine that had found the file of another machine, and could not replace it yet (a
 * read-only file system, a full one, or a kill): all of it is in the spill, in a stream of its own without any commit. It
 * still names the other machine if the agent was killed before it observed its identity. Else null.
 */
export function pendingStream(
  { state }: RecoveredFile,
  slots: readonly SpillSlot[],
  boot: string | null,
  fresh: State,
  machineId: string | null,
): ResumePoint | null {
  if (state === null || machineId === null || otherMachine(state, machineId) === null) return null
  const point = resume(NO_PAGES, slots, boot, fresh, false)
  const isOfThisFile = point.state.machineId === machineId || point.state.machineId === state.machineId
  return point.recovered === 'spill' && isOfThisFile ? point : null
}

/**
 * True if commit or event numbers are so high that counting on could exceed `LARGEST_NUMBER`: then `renumbered` is used.
 * No agent gets there by counting.
 */
export function numbersRunOut({ maxSeq, reserved }: RecoveredFile, { state }: Pick<ResumePoint, 'state'>): boolean {
  return Math.max(maxSeq, reserved, state.seq) > LARGEST_NUMBER / 2
}

/**
 * The same units, with events numbered from 1 in a new `stream`, so that their ids are unique. What is retained at the
 * broker belongs to the former stream: perhaps to another machine.
 */
export function renumbered(start: ResumePoint, stream: string): ResumePoint {
  const state = { ...start.state, stream, seq: 0, clearedSeq: 0, seqGap: 0 }
  return { ...start, state, committed: state, spilled: [], history: [], acknowledged: 0, published: [] }
}

/** The state with the spill applied; null if the spill does not continue exactly where the file ends. */
function resumeFromSpill(
  file: RecoveredFile,
  committed: State | null,
  slots: readonly SpillSlot[],
  boot: string | null,
) {
  const usable = slots.filter(
    (slot) => (committed === null || slot.stream === committed.stream) && (boot === null || slot.boot === boot),
  )
  const ends = file.chain?.seq ?? 0
  // After a failed commit, a slot with the whole state replaces the one that followed it, and it may be on flash after all.
  const whole = ({ base, groups: [group] }: SpillSlot) => base > ends && group?.kind === 'snapshot'
  const first = usable.find((slot) => slot.base === ends) ?? (committed === null ? undefined : usable.find(whole))
  if (first === undefined || (committed === null && first.groups[0]?.kind !== 'snapshot')) return null
  // The slot of a commit that had started or failed; it has a higher number than the last one on flash.
  const second = usable.find((slot) => slot.base > first.base && slot.stream === first.stream)
  const groups = [...first.groups, ...(second?.groups ?? [])]
  let state = committed
  for (const { kind, payloads } of groups) {
    const next = applyPayloads(state, kind, payloads)
    // The slot of a failed commit may start with a state that is older than the end of the slot before.
    state = state !== null && next.seq < state.seq ? { ...next, seq: state.seq, seqGap: state.seqGap } : next
  }
  if (state === null) return null
  const payloads = groups.flatMap((group) => group.payloads)
  // An older slot may hold events that did not fit into the commit after it.
  const all = usable.flatMap((slot) => slot.groups.flatMap((group) => group.payloads))
  const onFlash = new Set(file.events.map((event) => event.seq))
  const restored = state
  const spilled = inOrder(all.flatMap((p) => p.events))
  return {
    state,
    events: spilled.filter((event) => existsIn(restored, event) && !onFlash.has(event.seq)),
    acknowledged: Math.max(0, ...payloads.map((payload) => payload.head.acknowledged)),
    published: payloads.at(-1)?.head.published ?? [],
  }
}

/** An event that was cleared is not shown, and one that is newer than the state does not exist, whatever a page contains. */
function existsIn({ seq, clearedSeq }: State, event: Event): boolean {
  return event.seq > clearedSeq && event.seq <= seq
}
