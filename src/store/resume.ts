// What an agent finds when it starts: the file, and what a killed one left in the runtime directory. Pure decisions.
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import { applyPayloads, inOrder, type RecoveredFile } from './recovery.ts'
import type { SpillSlot } from './spill-slot.ts'

/** How the last agent ended: there was none, orderly, killed with its spill left, or cut off; or its file was broken. */
export type Recovery = 'fresh' | 'clean' | 'spill' | 'unclean' | 'damaged'

/** What is known in the end, and how. */
export interface ResumePoint {
  readonly recovered: Recovery
  readonly state: State
  /** What flash alone holds. */
  readonly committed: State
  /** Events that flash does not hold. */
  readonly spilled: readonly Event[]
  readonly history: readonly Event[]
  readonly acknowledged: number
}

/**
 * `fresh` is the state to begin with where there is none, and the policy of all. `boot`: of the running system, null where
 * it is not known. `empty`: there is no file, or one without a byte.
 */
export function resume(
  file: RecoveredFile,
  slots: readonly SpillSlot[],
  boot: string | null,
  fresh: State,
  empty: boolean,
): ResumePoint {
  const { policy } = fresh
  const committed = file.state === null ? null : { ...file.state, policy }
  const spill = resumeFromSpill(file, committed, slots, boot)
  const acknowledged = Math.max(file.head?.acknowledged ?? 0, spill?.acknowledged ?? 0)
  if (spill !== null) {
    const state = { ...spill.state, policy }
    const history = inOrder([...file.events, ...spill.events])
    return { recovered: 'spill', state, committed: committed ?? fresh, spilled: spill.events, history, acknowledged }
  }
  const none = { spilled: [], history: file.events, acknowledged }
  if (committed === null) return { ...none, recovered: empty ? 'fresh' : 'damaged', state: fresh, committed: fresh }
  if (file.head?.clean && file.complete) return { ...none, recovered: 'clean', state: committed, committed }
  const last = Math.max(file.lastEvent, committed.seq)
  const seq = Math.max(file.reserved, last)
  const state = { ...committed, seq, seqGap: committed.seqGap + seq - last }
  return { ...none, recovered: 'unclean', state, committed: state }
}

/** The state with what waits in the slots; null where they do not go on exactly where the file ends. */
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
  const first = usable.find((slot) => slot.base === ends)
  if (first === undefined || (committed === null && first.groups[0]?.kind !== 'snapshot')) return null
  // Of a commit that had begun, or failed; each next one is above the last.
  const second = usable.find((slot) => slot.base > ends && slot.stream === first.stream)
  const groups = [...first.groups, ...(second?.groups ?? [])]
  let state = committed
  for (const { kind, payloads } of groups) {
    const next = applyPayloads(state, kind, payloads)
    // The slot of a commit that was tried and failed may begin with what is older than what came before it.
    state = state !== null && next.seq < state.seq ? { ...next, seq: state.seq, seqGap: state.seqGap } : next
  }
  if (state === null) return null
  const payloads = groups.flatMap((group) => group.payloads)
  // The slot before may hold events that found no room in the commit after it.
  const all = usable.flatMap((slot) => slot.groups.flatMap((group) => group.payloads))
  const onFlash = new Set(file.events.map((event) => event.seq))
  const { seq } = state
  return {
    state,
    events: inOrder(all.flatMap((p) => p.events)).filter((e) => e.seq <= seq && !onFlash.has(e.seq)),
    acknowledged: Math.max(0, ...payloads.map((payload) => payload.head.acknowledged)),
  }
}
