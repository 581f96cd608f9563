// What an agent finds when it starts: the file, and what a killed one left in the runtime directory. Pure decisions.
import type { Event } from '../core/event.ts'
import type { State } from '../core/state.ts'
import type { Payload } from './format/page-records.ts'
import { applyPayloads, inOrder, type RecoveredFile, readPages } from './recovery.ts'

/** How the last agent ended: there was none, orderly, killed with its spill left, or cut off; or its file was broken. */
export type Recovery = 'fresh' | 'clean' | 'spill' | 'unclean' | 'damaged'

/** What one slot of the runtime directory holds, all of it. */
export interface SpillSlot {
  /** The commit that it follows. */
  readonly base: number
  readonly boot: string
  readonly stream: string
  readonly groups: readonly { readonly kind: 'snapshot' | 'delta'; readonly payloads: readonly Payload[] }[]
}

/** Null where a page of it is broken: then it is not the whole story. A last group without all its pages told nobody. */
export function readSlot(file: Uint8Array): SpillSlot | null {
  const { found, damaged, newerMajor } = readPages(file)
  const first = found[0]
  if (first === undefined || damaged > 0 || newerMajor !== null) return null
  const { base, boot } = first.page
  const groups: { kind: 'snapshot' | 'delta'; payloads: Payload[] }[] = []
  for (let seq = 0; ; seq++) {
    const parts = found.filter((f) => f.page.seq === seq).sort((a, b) => a.page.part - b.page.part)
    const page = parts[0]?.page
    if (page === undefined || parts.length !== page.parts || page.kind === 'history') break
    groups.push({ kind: page.kind, payloads: parts.map((part) => part.payload) })
  }
  const last = found.at(-1)?.page.seq ?? 0
  if (groups.length === 0 || last > groups.length) return null
  return { base, boot, stream: first.payload.head.stream, groups }
}

/** What is known in the end, and how. */
export interface ResumePoint {
  readonly recovery: Recovery
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
    return { recovery: 'spill', state, committed: committed ?? fresh, spilled: spill.events, history, acknowledged }
  }
  const none = { spilled: [], history: file.events, acknowledged }
  if (committed === null) return { ...none, recovery: empty ? 'fresh' : 'damaged', state: fresh, committed: fresh }
  if (file.head?.clean && file.complete) return { ...none, recovery: 'clean', state: committed, committed }
  const last = Math.max(file.lastEvent, committed.seq)
  const seq = Math.max(file.reserved, last)
  const state = { ...committed, seq, seqGap: committed.seqGap + seq - last }
  return { ...none, recovery: 'unclean', state, committed: state }
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
