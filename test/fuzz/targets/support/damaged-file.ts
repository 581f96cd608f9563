// Damages a state file: bytes, pages and torn writes, as flash does, and pages with forged checksums, as only a program can.
import fc from 'fast-check'
import { encodePage, PAGE_BYTES } from '../../../../src/store/format/page.ts'

/** One damage to a file; pages are counted from 0, modulo the number of pages. */
export type Damage =
  | { readonly kind: 'write'; readonly page: number; readonly at: number; readonly hex: string }
  /** The same, and the checksum is right again: only a program can do that. */
  | { readonly kind: 'forge'; readonly page: number; readonly at: number; readonly hex: string }
  | { readonly kind: 'zero'; readonly page: number; readonly from: number; readonly to: number }
  /** The first bytes of one page over another one: an old page returns, or a write was torn. */
  | { readonly kind: 'copy'; readonly page: number; readonly over: number; readonly bytes: number }
  | { readonly kind: 'cut'; readonly bytes: number }

export function damaged(file: Buffer, damage: readonly Damage[]): Buffer {
  let bytes = Buffer.from(file)
  const pageAt = (page: number) => {
    const pages = Math.max(1, Math.floor(bytes.length / PAGE_BYTES))
    return bytes.subarray((page % pages) * PAGE_BYTES).subarray(0, PAGE_BYTES)
  }
  for (const one of damage) {
    if (one.kind === 'cut') bytes = bytes.subarray(0, one.bytes)
    else if (one.kind === 'zero') pageAt(one.page).subarray(one.from, one.to).fill(0)
    else if (one.kind === 'copy') pageAt(one.page).copy(pageAt(one.over), 0, 0, Math.min(one.bytes, PAGE_BYTES))
    else {
      const page = pageAt(one.page)
      page.set(
        Buffer.from(one.hex, 'hex').subarray(0, Math.max(0, page.length - one.at)),
        Math.min(one.at, page.length),
      )
      if (one.kind === 'forge' && page.length === PAGE_BYTES) forge(page)
    }
  }
  return bytes
}

const KINDS = ['snapshot', 'delta', 'history'] as const

/** Writes the checksum that belongs to what the page contains now. */
function forge(page: Buffer): void {
  const number = (at: number) => page.readUInt32LE(at) + page.readUInt32LE(at + 4) * 2 ** 32
  const header = {
    kind: KINDS[(page[10] ?? 1) - 1] ?? 'snapshot',
    part: page.readUInt16LE(12),
    parts: page.readUInt16LE(14),
    seq: number(16),
    base: number(24),
    boot: page.toString('hex', 32, 48),
    wallMs: page.readDoubleLE(48),
  }
  const payload = page.subarray(64, Math.min(PAGE_BYTES, 64 + page.readUInt16LE(56)))
  page.set(encodePage(header, Buffer.from(payload)))
}

export const page = fc.oneof(fc.nat(8), fc.nat(255))
/** Often in the header of the page. */
const at = fc.oneof(fc.nat(127), fc.nat(PAGE_BYTES - 1))
const hex = fc.uint8Array({ minLength: 1, maxLength: 9 }).map((bytes) => Buffer.from(bytes).toString('hex'))
export const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('write' as const), page, at, hex }),
  fc.record({ kind: fc.constant('zero' as const), page, from: at, to: at }),
  fc.record({ kind: fc.constant('copy' as const), page, over: page, bytes: fc.oneof(fc.constant(PAGE_BYTES), at) }),
  fc.record({ kind: fc.constant('cut' as const), bytes: fc.nat(256 * PAGE_BYTES) }),
)
export const forged = fc.record({ kind: fc.constant('forge' as const), page, at, hex })
