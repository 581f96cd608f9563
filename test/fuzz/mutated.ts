// Generates inputs by editing those of the corpus, which shrink to few and small edits.
import fc from 'fast-check'

/** Text or bytes. */
interface Sequence<S> {
  readonly empty: S
  readonly size: (s: S) => number
  readonly slice: (s: S, from: number, to: number) => S
  readonly join: (parts: readonly S[]) => S
}

/** Replaces `remove` units at `at` (a fraction of the length) by `times` copies of a piece, or of what was removed. */
interface Edit<S> {
  readonly at: number
  readonly remove: number
  readonly piece: S | 'removed'
  readonly times: number
}

/** What structures a JSON text, for the words of a target. */
export const JSON_SIGNS: readonly string[] = ['{', '}', '[', ']', ',', ':', '"']

/** Positions are fractions, so that an edit applies to an input of any length. */
const FRACTIONS = 0xffff

function edited<S>(kind: Sequence<S>, start: S, edits: readonly Edit<S>[], largest: number): S {
  let now = start
  for (const { at, remove, piece, times } of edits) {
    const from = Math.round((at / FRACTIONS) * kind.size(now))
    const to = Math.min(kind.size(now), from + remove)
    const copied = piece === 'removed' ? kind.slice(now, from, to) : piece
    const room = Math.floor((largest - kind.size(now)) / Math.max(1, kind.size(copied)))
    const copies = Array<S>(Math.max(0, Math.min(times, room))).fill(copied)
    now = kind.join([kind.slice(now, 0, from), ...copies, kind.slice(now, to, kind.size(now))])
  }
  return now
}

function mutated<S>(
  kind: Sequence<S>,
  corpus: readonly S[],
  pieces: fc.Arbitrary<S>,
  largest: number,
): fc.Arbitrary<S> {
  const some = corpus.length > 0 ? corpus : [kind.empty]
  const at = fc.nat(FRACTIONS)
  const size = fc.oneof({ weight: 4, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.nat(2_000) })
  const once = fc.constant(1)
  const borrowed = fc
    .tuple(fc.constantFrom(...some), at, size)
    .map(([from, start, length]) => piece(kind, from, start, length))
  const edit = fc.oneof(
    { weight: 4, arbitrary: fc.record<Edit<S>>({ at, remove: fc.constant(0), piece: pieces, times: once }) },
    {
      weight: 4, // overwrites
      arbitrary: fc.record({ at, piece: pieces }).map((e): Edit<S> => ({ ...e, remove: kind.size(e.piece), times: 1 })),
    },
    { weight: 2, arbitrary: fc.record<Edit<S>>({ at, remove: size, piece: pieces, times: once }) },
    { weight: 2, arbitrary: fc.record<Edit<S>>({ at, remove: size, piece: borrowed, times: once }) },
    {
      weight: 1,
      arbitrary: fc.record<Edit<S>>({ at, remove: size, piece: fc.constant('removed' as const), times: many }),
    },
    { weight: 1, arbitrary: fc.record<Edit<S>>({ at, remove: fc.constant(0), piece: pieces, times: many }) },
    { weight: 1, arbitrary: at.map((cut): Edit<S> => ({ at: cut, remove: largest, piece: kind.empty, times: 0 })) },
  )
  return fc
    .tuple(fc.constantFrom(...some), fc.array(edit, { maxLength: 6 }))
    .map(([start, edits]) => edited(kind, start, edits, largest))
}

/** Usually few copies, rarely as many as fit: what is nested or repeated without a limit shows then. */
const many = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 4 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 200 }) },
  { weight: 1, arbitrary: fc.constantFrom(1_000, 10_000, 100_000) },
)

function piece<S>(kind: Sequence<S>, from: S, at: number, length: number): S {
  const start = Math.round((at / FRACTIONS) * kind.size(from))
  return kind.slice(from, start, Math.min(kind.size(from), start + length))
}

const TEXT: Sequence<string> = {
  empty: '',
  size: (s) => s.length,
  slice: (s, from, to) => s.slice(from, to),
  join: (parts) => parts.join(''),
}

const BYTES: Sequence<Buffer> = {
  empty: Buffer.alloc(0),
  size: (s) => s.length,
  slice: (s, from, to) => s.subarray(from, to),
  join: (parts) => Buffer.concat(parts as unknown as Uint8Array[]),
}

/** Of any characters, control characters included; fast-check's own `binary` unit takes half a second to begin. */
export function anyText(maxLength: number): fc.Arbitrary<string> {
  const character = fc.oneof(
    fc.nat(0x2ff),
    fc.integer({ min: 0x300, max: 0xd7ff }),
    fc.integer({ min: 0xe000, max: 0x10ffff }),
  )
  return fc.array(character, { maxLength }).map((all) => String.fromCodePoint(...all))
}

/** Texts near those of the corpus; `words` are inserted often. */
export function mutatedText(corpus: readonly string[], words: readonly string[], largest = 32_768) {
  const pieces = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words) },
    { weight: 1, arbitrary: fc.string({ maxLength: 4 }) },
    { weight: 1, arbitrary: anyText(2) },
    { weight: 1, arbitrary: fc.constantFrom('', '\0', '\r', '\n', '\u2028', '\ud800', '\ufeff', '0', '9'.repeat(30)) },
  )
  return mutated(TEXT, corpus, pieces, largest)
}

/** Bytes near those of the corpus: single bytes, and 32-bit numbers in both byte orders, most near a limit. */
export function mutatedBytes(corpus: readonly Buffer[], words: readonly Buffer[] = [], largest = 65_536) {
  const pieces = fc.oneof(
    fc.integer({ min: 0, max: 255 }).map((byte) => Buffer.from([byte])),
    fc.tuple(fc.oneof(fc.nat(300), fc.constantFrom(...LIMITS)), fc.boolean()).map(([n, little]) => {
      const bytes = Buffer.alloc(4)
      if (little) bytes.writeUInt32LE(n)
      else bytes.writeUInt32BE(n)
      return bytes
    }),
    fc.constantFrom(Buffer.alloc(0), Buffer.alloc(8), ...words),
  )
  return mutated(BYTES, corpus, pieces, largest)
}

const LIMITS = [15, 16, 24, 26, 27, 31, 32].flatMap((bits) => [2 ** bits - 1, 2 ** bits]).filter((n) => n < 2 ** 32)
