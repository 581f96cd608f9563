// The full evidence of recent crashes: in memory and in the runtime directory, which outlives the agent. The state file keeps
// only a part of it.
import { promises as fs, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../core/error-text.ts'
import type { Evidence } from '../core/explain/evidence.ts'
import { combined, type KeptEvidence } from '../core/explain/merge-evidence.ts'
import type { Clock, Log } from '../ports.ts'

/** Of all evidence in memory, as JSON; the oldest is dropped beyond that. */
const KEPT_AT_MOST_BYTES = 131_072
/** A file that has grown beyond this is rewritten with what is kept. */
const FILE_AT_MOST_BYTES = 2 * KEPT_AT_MOST_BYTES
/** What arrives within this time is written at once. A killed agent loses it. */
const WRITE_AFTER_MS = 1000

export interface EvidenceKeeper {
  /** Reads the file at the first call. */
  all(): KeptEvidence
  /** Adds to what is kept of the crash. */
  add(seq: number, evidence: Evidence): void
  clear(): void
  /** Writes what has not been written yet. */
  stop(): Promise<void>
}

interface EvidenceKeeperOptions {
  /** The runtime directory; null: only in memory. */
  readonly directory: string | null
  /** The numbers of another stream mean other crashes. */
  readonly stream: string
  readonly clock: Clock
  readonly log: Log
}

export function createEvidenceKeeper({ directory, stream, clock, log }: EvidenceKeeperOptions): EvidenceKeeper {
  const path = directory === null ? null : join(directory, `evidence-${stream}`)
  const kept = createBoundedEvidence()
  let unwritten: string[] = []
  let fileBytes: number | null = null
  let cancelWrite: (() => void) | null = null
  let writing = Promise.resolve()
  let reported = false

  /** What an earlier run of the agent has written comes before what was added since. */
  const load = () => {
    if (fileBytes !== null) return
    const text = path === null ? '' : textOf(path)
    fileBytes = Buffer.byteLength(text)
    const added = [...kept.all()]
    kept.clear()
    for (const [seq, evidence] of [...linesIn(text), ...added]) kept.add(seq, evidence)
  }

  const write = async (file: string) => {
    load()
    const text = unwritten.join('')
    unwritten = []
    fileBytes = (fileBytes ?? 0) + Buffer.byteLength(text)
    if (fileBytes <= FILE_AT_MOST_BYTES) return fs.appendFile(file, text, { mode: 0o600 })
    const all = [...kept.all()].map(([seq, evidence]) => lineOf(seq, evidence)).join('')
    fileBytes = Buffer.byteLength(all)
    await fs.writeFile(`${file}.new`, all, { mode: 0o600 })
    await fs.rename(`${file}.new`, file)
  }

  const writeNow = () => {
    cancelWrite = null
    if (path === null || unwritten.length === 0) return
    writing = writing
      .then(() => write(path))
      .catch((error) => {
        if (!reported) log('warning', `evidence of crashes is lost when gatewatch restarts: ${messageOf(error)}`)
        reported = true
      })
  }

  return {
    all() {
      load()
      return kept.all()
    },
    add(seq, evidence) {
      unwritten.push(lineOf(seq, kept.add(seq, evidence)))
      cancelWrite ??= clock.after(WRITE_AFTER_MS, writeNow)
    },
    clear() {
      kept.clear()
      unwritten = []
      fileBytes = 0
      if (path !== null) writing = writing.then(() => fs.rm(path, { force: true })).catch(() => {})
    },
    async stop() {
      cancelWrite?.()
      writeNow()
      await writing
    },
  }
}

/** By sequence number of the crash; the oldest are dropped beyond KEPT_AT_MOST_BYTES. */
function createBoundedEvidence() {
  const bySeq = new Map<number, Evidence>()
  const sizes = new Map<number, number>()
  let bytes = 0
  const drop = (seq: number) => {
    bytes -= sizes.get(seq) ?? 0
    bySeq.delete(seq)
    sizes.delete(seq)
  }
  return {
    all: (): KeptEvidence => bySeq,
    /** Returns all that is known of the crash now. */
    add(seq: number, evidence: Evidence): Evidence {
      const all = combined(bySeq.get(seq), evidence)
      const size = 64 + JSON.stringify(all).length
      drop(seq)
      bySeq.set(seq, all)
      sizes.set(seq, size)
      bytes += size
      for (const oldest of bySeq.keys()) {
        if (bytes <= KEPT_AT_MOST_BYTES) break
        drop(oldest)
      }
      return all
    },
    clear() {
      for (const seq of [...bySeq.keys()]) drop(seq)
    },
  }
}

function lineOf(seq: number, evidence: Evidence): string {
  return `${JSON.stringify([seq, evidence])}\n`
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** The last line of a killed agent may be cut off. */
function linesIn(text: string): (readonly [number, Evidence])[] {
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = JSON.parse(line)
      const [seq, evidence] = Array.isArray(value) ? value : []
      return Number.isSafeInteger(seq) && typeof evidence === 'object' && evidence !== null
        ? [[seq, evidence] as const]
        : []
    } catch {
      return []
    }
  })
}
