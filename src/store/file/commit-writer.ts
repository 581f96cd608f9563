// Writes one commit to the state file: as a delta if possible, else as a snapshot, into a new file if there is none.
import type { Event } from '../../core/event.ts'
import { type State, unitOf } from '../../core/state.ts'
import type { Clock } from '../../ports.ts'
import { isChanged, isExtended, unitsToWrite } from '../change.ts'
import type { Head } from '../format/head-record.ts'
import { unitChange } from '../format/history-update.ts'
import { deltaPayloads, historyPayloads, type PackedCommit, snapshotPayloads } from '../format/pack.ts'
import { bootKey, encodePage, type PageKind } from '../format/page.ts'
import type { UncommittedEvents } from '../uncommitted-events.ts'
import type { Fs } from './fs.ts'
import type { Medium } from './medium.ts'
import type { EncodedCommit, Ring } from './ring.ts'
import { createSideWriteCounter, type SideWrites } from './write-amplification.ts'

/** Pages of a new file that are used for the history of events. */
const HISTORY_PAGES = 32

interface CommitContent {
  readonly state: State
  /** The state as of the last commit. */
  readonly committed: State
  readonly events: UncommittedEvents
  readonly head: Head
  readonly seq: number
  /** Written to a new file only. */
  readonly history: readonly Event[]
}

interface WriteResult {
  /** Bytes written to the device, including those that the file system adds. */
  readonly bytes: number
  /** Events that did not fit into the commit. */
  readonly omitted: readonly Event[]
}

export interface CommitWriter {
  /** Resolves once the commit is on flash. After a rejection, call `abandon` before the next write. */
  write(what: CommitContent): Promise<WriteResult>
  /**
   * Closes the file; the next write creates a new one, or opens the partition again. After a failed fdatasync(2) the kernel marks the pages clean, so a
   * retry on the same descriptor would succeed without writing the data.
   */
  abandon(): Promise<void>
}

interface CommitWriterOptions {
  readonly fs: Fs
  readonly clock: Clock
  readonly path: string
  /** Of the running system, null to use that of the state. */
  readonly boot: string | null
  readonly sideWrites: SideWrites
  /** The existing ring, null to begin one on `medium`. */
  readonly ring: Ring | null
  readonly medium: Medium
}

export function openCommitWriter(options: CommitWriterOptions): CommitWriter {
  const { fs, clock, path, boot, medium } = options
  let { ring } = options
  const sideWriteBytes = createSideWriteCounter(options.sideWrites)

  async function abandon(): Promise<void> {
    await ring?.close().catch(() => {})
    ring = null
  }

  async function write(content: CommitContent): Promise<WriteResult> {
    const { state, events, head, seq, history } = content
    const wallMs = clock.now().wallMs
    const pages = (kind: PageKind, base: number, payloads: readonly Uint8Array[]) => {
      const common = { kind, parts: payloads.length, seq, base, boot: boot ?? bootKey(state.bootId), wallMs }
      return payloads.map((payload, part) => encodePage({ ...common, part }, payload))
    }
    // A file that was removed or replaced by another program is created again.
    const current = await fs.stat(path).catch(() => null)
    if (current?.ino !== ring?.ino) await abandon()
    const delta = deltaOf(content, ring?.deltaPages(seq) ?? 0)
    if (ring !== null && delta !== null) {
      const bytes = await ring.write({ kind: 'delta', seq, pages: pages('delta', ring.base(), delta.payloads) })
      return { bytes, omitted: delta.omitted }
    }
    const { payloads, omitted } = snapshotPayloads(head, state.units, state.forgotten, events)
    const snapshot: EncodedCommit = { kind: 'snapshot', seq, pages: pages('snapshot', seq, payloads) }
    if (ring?.fits(payloads.length)) return { bytes: await ring.write(snapshot), omitted }
    await abandon()
    const begun = await medium.begin({
      snapshot,
      units: state.units.length,
      history: () => pages('history', seq, historyPayloads(head, history, HISTORY_PAGES)),
    })
    ring = begun.ring
    return { bytes: begun.bytes, omitted: begun.hasHistory ? [] : omitted }
  }

  return {
    abandon,
    async write(content) {
      const { bytes, omitted } = await write(content)
      return { bytes: bytes + sideWriteBytes(clock.now().monoMs), omitted }
    },
  }
}

/** The content as a delta to the last commit; null if it needs more than `pagesAtMost`, or a snapshot. */
function deltaOf({ state, committed, events, head }: CommitContent, pagesAtMost: number): PackedCommit | null {
  if (pagesAtMost === 0 || head.clean || !isExtended(committed, state)) return null
  const touched = state.units.filter((unit, i) => unit !== committed.units[i])
  const changed = touched.filter((unit) => isChanged(unit, unitOf(committed, unit.name)))
  const changes = unitsToWrite(changed, committed, state).map((unit) =>
    unitChange(unit, unitOf(committed, unit.name) ?? null),
  )
  return deltaPayloads(head, changes, events, touched, pagesAtMost)
}
