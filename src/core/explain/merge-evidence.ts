// Merges what became known late about a crash into its event, and keeps all evidence of one event within its limit. Pure.
import type { CrashEvent, Event } from '../event.ts'
import { type Because, type Evidence, evidenceJson, type MemoryEvidence } from './evidence.ts'

/** Limit for the evidence of one event, as JSON. */
export const EVIDENCE_AT_MOST_BYTES = 2048

interface Known {
  readonly evidence: Evidence
  readonly because?: Because
}

/** By sequence number of the crash. */
export type KeptEvidence = ReadonlyMap<number, Evidence>

/**
 * The events, each end with everything that is known about it: its own evidence, what is `kept`, and what the `evidence`
 * events among them add. The same array if there is nothing to add.
 */
export function mergeEvidence(events: readonly Event[], kept: KeptEvidence): readonly Event[] {
  const late = new Map<number, Known>()
  for (const event of events) {
    if (event.kind !== 'evidence') continue
    const earlier = late.get(event.of)
    const because = event.because ?? earlier?.because
    late.set(event.of, { evidence: combined(earlier?.evidence, event.evidence), ...(because && { because }) })
  }
  if (late.size === 0 && !events.some(({ kind, seq }) => kind === 'crash' && kept.has(seq))) return events
  return events.map((event) => {
    const known = late.get(event.seq)
    if (event.kind === 'crash') return ended(completed(event, [kept.get(event.seq), known?.evidence]), known?.because)
    return event.kind === 'stop' || event.kind === 'lost' ? ended(event, known?.because) : event
  })
}

function completed(crash: CrashEvent, known: readonly (Evidence | undefined)[]): CrashEvent {
  const more = known.flatMap((one) => (one === undefined || Object.keys(one).length === 0 ? [] : [one]))
  return more.length === 0 ? crash : { ...crash, evidence: more.reduce(combined, crash.evidence ?? {}) }
}

/** What is proven to be the reason is no longer only close in time. */
function ended<E extends Extract<Event, { readonly kind: 'crash' | 'stop' | 'lost' }>>(
  end: E,
  because: Because | undefined,
): E {
  if (because === undefined) return end
  const { after, ...rest } = end
  const other = after?.unit === because.unit ? undefined : after
  return { ...rest, because, ...(other && { after: other }) } as E
}

/** Both, within the limit; where both have a part, that of `later`. */
export function combined(earlier: Evidence = {}, later: Evidence = {}): Evidence {
  const memory = memoryOf({ ...earlier.memory, ...later.memory })
  return withinLimit({ ...earlier, ...later, ...(memory && { memory }) })
}

/** A peak makes the last reading superfluous. */
function memoryOf({ lastSeen, ...memory }: MemoryEvidence): MemoryEvidence | null {
  const all = lastSeen === undefined || memory.peak !== undefined ? memory : { ...memory, lastSeen }
  return Object.keys(all).length === 0 ? null : all
}

/** Drops the lowest frames first, then cuts the status text; the parts of fixed size always fit. */
export function withinLimit(evidence: Evidence): Evidence {
  if (evidence.statusText === undefined && evidence.coredump === undefined) return evidence
  let fitting = evidence
  while (jsonBytes(fitting) > EVIDENCE_AT_MOST_BYTES) {
    const { statusText, coredump, ...rest } = fitting
    if (coredump !== undefined && coredump.frames.length > 1)
      fitting = { ...fitting, coredump: { ...coredump, frames: coredump.frames.slice(0, -1) } }
    else if (statusText !== undefined) {
      const shorter = [...statusText].slice(0, statusText.length / 4).join('')
      fitting = { ...rest, ...(coredump && { coredump }), ...(shorter !== '' && { statusText: `${shorter}…` }) }
    } else fitting = rest
  }
  return fitting
}

function jsonBytes(evidence: Evidence): number {
  let bytes = 0
  for (const character of JSON.stringify(evidenceJson(evidence))) {
    const code = character.codePointAt(0) ?? 0
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
