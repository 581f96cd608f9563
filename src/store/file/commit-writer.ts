// One commit onto flash: as a delta where that fits, as a snapshot where it must be, into a new file where there is none.
import { dirname } from 'node:path'
import type { Event } from '../../core/event.ts'
import { type State, unitOf } from '../../core/state.ts'
import type { Unit } from '../../core/unit.ts'
import type { Clock } from '../../ports.ts'
import { sameUnits } from '../change.ts'
import { deltaPayload, historyPayloads, type PackedCommit, snapshotPayloads } from '../format/pack.ts'
import { bootKey, encodePage, type PageKind } from '../format/page.ts'
import type { Head } from '../format/page-records.ts'
import { differs } from '../format/unit-record.ts'
import type { UncommittedEvents } from '../uncommitted-events.ts'
import type { Fs } from './fs.ts'
import { createRing, type EncodedCommit, type Ring } from './ring.ts'
import { createSideWriteCounter, type SideWrites } from './write-amplification.ts'

/** Pages of a new file that take over the history. */
const HISTORY_PAGES = 32

interface CommitContent {
  readonly state: State
  /** What the last commit holds. */
  readonly committed: State
  readonly events: UncommittedEvents
  readonly head: Head
  readonly seq: number
  /** For a new file. */
  readonly history: readonly Event[]
}

interface WriteResult {
  /** What the file system writes beside them included. */
  readonly bytes: number
  /** Events that found no room. */
  readonly omitted: readonly Event[]
}

export interface CommitWriter {
  /** Resolves once flash holds it. After a rejection `abandon` comes first. */
  write(what: CommitContent): Promise<WriteResult>
  /**
   * Closes the file; the next write makes a new one. After a failed fdatasync the kernel takes the pages for clean: to
   * try again on the same descriptor would succeed without data.
   */
  abandon(): Promise<void>
}

interface CommitWriterOptions {
  readonly fs: Fs
  readonly clock: Clock
  readonly path: string
  /** Of the running system, null to take that of the state. */
  readonly boot: string | null
  readonly sideWrites: SideWrites
  /** The file as it was found, null to make a new one. */
  readonly ring: Ring | null
  /** Moves away what a new file would replace. */
  readonly clearTheWay: () => Promise<void>
}

export function openCommitWriter(options: CommitWriterOptions): CommitWriter {
  const { fs, clock, path, boot, clearTheWay } = options
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
    // A file that someone removed, or put another one over, is made again.
    const current = await fs.stat(path).catch(() => null)
    if (current?.ino !== ring?.ino) await abandon()
    const delta = ring?.takesDelta(seq) ? deltaOf(content) : null
    if (ring !== null && delta !== null) {
      const bytes = await ring.write({ kind: 'delta', seq, pages: pages('delta', ring.base(), delta.payloads) })
      return { bytes, omitted: delta.omitted }
    }
    const { payloads, omitted } = snapshotPayloads(head, state.units, events)
    const snapshot: EncodedCommit = { kind: 'snapshot', seq, pages: pages('snapshot', seq, payloads) }
    if (ring?.fits(payloads.length)) return { bytes: await ring.write(snapshot), omitted }
    await fs.mkdir(dirname(path)).catch(() => {})
    await clearTheWay()
    const historyPages = pages('history', seq, historyPayloads(head, history, HISTORY_PAGES))
    const created = await createRing(fs, path, snapshot, historyPages)
    await abandon()
    ring = created.ring
    return { bytes: created.bytes, omitted: [] }
  }

  return {
    abandon,
    async write(content) {
      const { bytes, omitted } = await write(content)
      return { bytes: bytes + sideWriteBytes(clock.now().monoMs), omitted }
    },
  }
}

/** The content as a delta on the last commit; null where it takes a snapshot. */
function deltaOf({ state, committed, events, head }: CommitContent): PackedCommit | null {
  if (head.clean || !sameUnits(state, committed)) return null
  const touched = state.units.filter((unit, i) => unit !== committed.units[i])
  const changed = touched.filter((unit) => differs(unit, unitOf(committed, unit.name) as Unit))
  return deltaPayload(head, changed, events, touched)
}
