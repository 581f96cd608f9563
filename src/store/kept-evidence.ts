// The full evidence of recent crashes: in memory and in the runtime directory, which outlives the agent. The state file keeps
// only a part of it.
import { closeSync, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { messageOf } from '../core/error-text.ts'
import type { Evidence } from '../core/explain/evidence.ts'
import { combined, type KeptEvidence } from '../core/explain/merge-evidence.ts'
import type { Log } from '../ports.ts'

/** Of all evidence in memory, as JSON; the oldest is dropped beyond that. */
const KEPT_AT_MOST_BYTES = 131_072
/** A file that has grown beyond this is rewritten with what is kept. */
const FILE_AT_MOST_BYTES = 2 * KEPT_AT_MOST_BYTES

export interface EvidenceKeeper {
  /** Reads the file at the first call. */
  all(): KeptEvidence
  /** Adds to what is kept of the crash, and writes it: what a sink has been given must outlive a killed agent. */
  add(seq: number, evidence: Evidence): void
  clear(): void
  close(): void
}

interface EvidenceKeeperOptions {
  /** The runtime directory; null: only in memory. */
  readonly directory: string | null
  /** The numbers of another stream mean other crashes. */
  readonly stream: string
  readonly log: Log
}

export function createEvidenceKeeper({ directory, stream, log }: EvidenceKeeperOptions): EvidenceKeeper {
  const path = directory === null ? null : join(directory, `evidence-${stream}`)
  const kept = createBoundedEvidence()
  let loaded = path === null
  let file: { readonly fd: number; bytes: number } | null = null
  let reported = false

  /** What an earlier run of the agent has written comes before what was added since. */
  const all = (): KeptEvidence => {
    if (loaded || path === null) return kept.all()
    loaded = true
    const added = [...kept.all()]
    kept.clear()
    for (const [seq, evidence] of [...linesIn(textOf(path)), ...added]) kept.add(seq, evidence)
    return kept.all()
  }

  const close = () => {
    if (file !== null) closeSync(file.fd)
    file = null
  }

  const write = (to: string, line: string) => {
    if (file !== null && file.bytes > FILE_AT_MOST_BYTES) {
      const lines = [...all()].map(([seq, evidence]) => lineOf(seq, evidence))
      close()
      writeFileSync(`${to}.new`, lines.join(''), { mode: 0o600 })
      renameSync(`${to}.new`, to)
      return
    }
    if (file === null) {
      const fd = openSync(to, 'a', 0o600)
      file = { fd, bytes: fstatSync(fd).size }
      if (file.bytes > 0) writeSync(fd, '\n') // the last line of a killed agent may be cut off
    }
    file.bytes += writeSync(file.fd, line)
  }

  const attempt = (change: (path: string) => void) => {
    if (path === null) return
    try {
      change(path)
    } catch (error) {
      if (!reported) log('warning', `cannot keep the evidence of crashes for the next start: ${messageOf(error)}`)
      reported = true
    }
  }

  return {
    all,
    add(seq, evidence) {
      const line = lineOf(seq, kept.add(seq, evidence))
      attempt((to) => write(to, line))
    },
    clear() {
      close()
      kept.clear()
      loaded = true
      attempt((of) => rmSync(of, { force: true }))
    },
    close,
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
