// Encodes and decodes what an event keeps of its explanation: the numbers, the signature, and the unit that was involved. At most
// 200 bytes of evidence; texts, frames and records are not stored.
import type { After, Because, Evidence } from '../../core/explain/evidence.ts'
import type { ByteReader, ByteWriter } from './bytes.ts'

// Bits of what is present, in this order. FROZEN: append only.
const RAN = 1
const FIRST_OF_BOOT = 2
const SAME_24H = 4
const SAME_7D = 8
const MEMORY_LIMIT = 16
const MEMORY_PEAK = 32
const MEMORY_LAST_SEEN = 64
const FILE_CHANGED = 128
const SIGNATURE = 256
/** The signature of unit and cause alone, which is computed again. */
const SIGNATURE_OF_CAUSE = 512

const ENDS = ['stop', 'crash', 'lost'] as const satisfies readonly After['event'][]

/** `ofCause`: the signature of unit and cause; null if the event has no cause. Writes nothing if nothing is kept. */
export function writeEvidence(to: ByteWriter, tag: number, evidence: Evidence, ofCause: string | null): void {
  const { memory, signature } = evidence
  const numbers: readonly (readonly [bit: number, value: number | undefined])[] = [
    [RAN, evidence.ranMs],
    [SAME_24H, evidence.sameCause24h],
    [SAME_7D, evidence.sameCause7d],
    [MEMORY_LIMIT, memory?.limit],
    [MEMORY_PEAK, memory?.peak],
    [MEMORY_LAST_SEEN, memory?.lastSeen],
    [FILE_CHANGED, evidence.fileChangedMs],
  ]
  const ofSignature = signature === undefined ? 0 : signature === ofCause ? SIGNATURE_OF_CAUSE : SIGNATURE
  const present = numbers.reduce((bits, [bit, value]) => (value === undefined ? bits : bits | bit), ofSignature)
  const bits = present | (evidence.firstRunOfBoot ? FIRST_OF_BOOT : 0)
  if (bits === 0) return
  to.field(tag, () => {
    to.uint(bits)
    for (const [, value] of numbers) if (value !== undefined) to.uint(Math.round(value))
    if (ofSignature === SIGNATURE && signature !== undefined) to.key(signature)
  })
}

export function readEvidence(from: ByteReader, ofCause: () => string): Evidence {
  const bits = from.uint()
  const has = (bit: number) => (bits & bit) !== 0
  const ran = has(RAN) && { ranMs: from.uint() }
  const same24h = has(SAME_24H) && { sameCause24h: from.uint() }
  const same7d = has(SAME_7D) && { sameCause7d: from.uint() }
  const memory = {
    ...(has(MEMORY_LIMIT) && { limit: from.uint() }),
    ...(has(MEMORY_PEAK) && { peak: from.uint() }),
    ...(has(MEMORY_LAST_SEEN) && { lastSeen: from.uint() }),
  }
  return {
    ...ran,
    ...(has(FIRST_OF_BOOT) && { firstRunOfBoot: true }),
    ...same24h,
    ...same7d,
    ...(Object.keys(memory).length > 0 && { memory }),
    ...(has(FILE_CHANGED) && { fileChangedMs: from.uint() }),
    ...(has(SIGNATURE) && { signature: from.key() }),
    ...(has(SIGNATURE_OF_CAUSE) && { signature: ofCause() }),
  }
}

export function writeBecause(to: ByteWriter, { unit, relation }: Because): void {
  to.text(unit)
  to.text(relation)
}

export function readBecause(from: ByteReader): Because {
  return { unit: from.text(), relation: from.text() }
}

export function writeAfter(to: ByteWriter, { unit, event, ms }: After): void {
  to.text(unit)
  to.u8(ENDS.indexOf(event))
  to.num(ms)
}

export function readAfter(from: ByteReader): After {
  return { unit: from.text(), event: ENDS[from.u8()] ?? 'lost', ms: from.num() }
}
