// One page of 4,096 bytes, the unit of everything on flash: who wrote it, where it belongs, a payload, a checksum.
import { createHash } from 'node:crypto'
import { afterZeros, crc32c } from './crc32c.ts'

export const PAGE_BYTES = 4096
const HEADER_BYTES = 64
export const PAYLOAD_BYTES = PAGE_BYTES - HEADER_BYTES
/** Raised when an older agent could no longer read the pages. Magic, version and CRC stay where they are in every major. */
export const MAJOR = 1
/** Raised when something was added that an older agent skips. */
export const MINOR = 0

const MAGIC = Buffer.from([0x89, ...Buffer.from('GWRING'), 0x0a])
const LENGTH_AT = 56
const CRC_AT = 60
/** CRC-32C sums parts: the field itself counts as zero. */
const NO_CRC = new Uint8Array(4)
const EMPTY = new Uint8Array(PAGE_BYTES)

export type PageKind = 'snapshot' | 'delta' | 'history'
const KINDS: readonly PageKind[] = ['snapshot', 'delta', 'history']

export interface PageHeader {
  readonly kind: PageKind
  /** This page is part `part` (from 0) of `parts` that were written as one. */
  readonly part: number
  readonly parts: number
  /** Number of the commit; one more with each. */
  readonly seq: number
  /** The snapshot that a delta builds upon, by its `seq`; a snapshot's own `seq`. */
  readonly base: number
  /** 32 hex digits: the boot in which it was written, as `bootKey` gives it. */
  readonly boot: string
  readonly wallMs: number
}

export interface Page extends PageHeader {
  readonly major: number
  readonly minor: number
  readonly payload: Uint8Array
}

/** A boot id as it stands in a page: its 128 bits, dashes dropped; of any other text a hash. */
export function bootKey(bootId: string): string {
  const hex = bootId.replaceAll('-', '').toLowerCase()
  return /^[0-9a-f]{32}$/.test(hex) ? hex : createHash('sha256').update(bootId).digest('hex').slice(0, 32)
}

/** `payload` is at most PAYLOAD_BYTES; the page is made in `page`, whatever that holds. */
export function encodePage(
  header: PageHeader,
  payload: Uint8Array,
  version = { major: MAJOR, minor: MINOR },
  page = Buffer.allocUnsafe(PAGE_BYTES),
): Buffer {
  page.fill(0)
  MAGIC.copy(page)
  page[8] = version.major
  page[9] = version.minor
  page[10] = KINDS.indexOf(header.kind) + 1
  page.writeUInt16LE(header.part, 12)
  page.writeUInt16LE(header.parts, 14)
  writeUInt64(page, header.seq, 16)
  writeUInt64(page, header.base, 24)
  page.write(header.boot, 32, 16, 'hex')
  page.writeDoubleLE(header.wallMs, 48)
  page.writeUInt16LE(payload.length, LENGTH_AT)
  page.set(payload, HEADER_BYTES)
  page.writeUInt32LE(pageCrc(page), CRC_AT)
  return page
}

/** What a page is: never written (zeros), broken, or whole; a whole one may be of another major version. */
export function decodePage(bytes: Uint8Array): Page | 'empty' | 'damaged' {
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (page.length !== PAGE_BYTES) return 'damaged'
  if (page.compare(MAGIC, 0, MAGIC.length, 0, MAGIC.length) !== 0) {
    return page.equals(EMPTY) ? 'empty' : 'damaged'
  }
  if (page.readUInt32LE(CRC_AT) !== pageCrc(page)) return 'damaged'
  const major = page[8] as number
  const kind = KINDS[(page[10] as number) - 1]
  const length = page.readUInt16LE(LENGTH_AT)
  if (major === MAJOR && (kind === undefined || length > PAYLOAD_BYTES)) return 'damaged'
  return {
    major,
    minor: page[9] as number,
    kind: kind ?? 'history',
    part: page.readUInt16LE(12),
    parts: page.readUInt16LE(14),
    seq: readUInt64(page, 16),
    base: readUInt64(page, 24),
    boot: page.toString('hex', 32, 48),
    wallMs: page.readDoubleLE(48),
    payload: page.subarray(HEADER_BYTES, HEADER_BYTES + Math.min(length, PAYLOAD_BYTES)),
  }
}

function pageCrc(page: Buffer): number {
  const head = crc32c(NO_CRC, crc32c(page.subarray(0, CRC_AT)))
  const end = Math.min(HEADER_BYTES + page.readUInt16LE(LENGTH_AT), PAGE_BYTES)
  if (!page.subarray(end).equals(EMPTY.subarray(end))) return crc32c(page.subarray(HEADER_BYTES), head)
  return afterZeros(crc32c(page.subarray(HEADER_BYTES, end), head), PAGE_BYTES - end)
}

function writeUInt64(page: Buffer, n: number, at: number): void {
  page.writeUInt32LE(n % 2 ** 32, at)
  page.writeUInt32LE(Math.floor(n / 2 ** 32), at + 4)
}

function readUInt64(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt32LE(at + 4) * 2 ** 32
}
