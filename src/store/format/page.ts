// The page format: 4,096 bytes with a header (version, commit, boot), a payload and a checksum.
import { createHash } from 'node:crypto'
import { LARGEST_NUMBER } from './bytes.ts'
import { afterZeros, crc32c, joinedCrc } from './crc32c.ts'

export const PAGE_BYTES = 4096
const HEADER_BYTES = 64
export const PAYLOAD_BYTES = PAGE_BYTES - HEADER_BYTES
/** Raised when older agents can no longer read the pages. Magic, version and CRC have the same position in every major. */
export const MAJOR = 1
/** Raised when something is added that older agents skip. */
export const MINOR = 1

const MAGIC = Buffer.from([0x89, ...Buffer.from('GWRING'), 0x0a])
const LENGTH_AT = 56
const CRC_AT = 60
/** The CRC field itself counts as zero in the checksum. */
const NO_CRC = new Uint8Array(4)
const EMPTY = new Uint8Array(PAGE_BYTES)

export type PageKind = 'snapshot' | 'delta' | 'history'
const KINDS: readonly PageKind[] = ['snapshot', 'delta', 'history']

export interface PageHeader {
  readonly kind: PageKind
  /** This page is part `part` (from 0) of a commit of `parts` pages. */
  readonly part: number
  readonly parts: number
  /** Number of the commit; it grows by at least one with each. */
  readonly seq: number
  /** The `seq` of the snapshot that a delta is based on; for a snapshot its own `seq`. */
  readonly base: number
  /** The boot in which the page was written: 32 hex digits, from `bootKey`. */
  readonly boot: string
  readonly wallMs: number
}

export interface Page extends PageHeader {
  readonly major: number
  readonly minor: number
  readonly payload: Uint8Array
}

/** A boot id as stored in a page: 32 hex digits without dashes; of any other text a hash. */
export function bootKey(bootId: string): string {
  const hex = bootId.replaceAll('-', '').toLowerCase()
  return /^[0-9a-f]{32}$/.test(hex) ? hex : createHash('sha256').update(bootId).digest('hex').slice(0, 32)
}

/** `payload` has at most PAYLOAD_BYTES. */
export function encodePage(header: PageHeader, payload: Uint8Array, version = { major: MAJOR, minor: MINOR }): Buffer {
  const page = Buffer.alloc(PAGE_BYTES)
  writeHeader(page, header, version)
  page.writeUInt16LE(payload.length, LENGTH_AT)
  page.set(payload, HEADER_BYTES)
  page.writeUInt32LE(pageCrc(page), CRC_AT)
  return page
}

/** A page that is written again and again while it is being filled. */
export interface GrowingPage {
  /** To be filled from its start. */
  readonly payload: Buffer
  /** The page with `length` bytes of payload, not fewer than the time before: only the added ones are read for the checksum. */
  bytes(length: number): Uint8Array
}

/** An empty one, in `page`, whose previous contents are overwritten. */
export function createGrowingPage(header: PageHeader, page: Buffer): GrowingPage {
  page.fill(0)
  writeHeader(page, header, { major: MAJOR, minor: MINOR })
  const payload = page.subarray(HEADER_BYTES)
  let summed = 0
  let payloadCrc = 0
  return {
    payload,
    bytes(length) {
      payloadCrc = crc32c(payload.subarray(summed, length), payloadCrc)
      summed = length
      page.writeUInt16LE(length, LENGTH_AT)
      const filled = afterZeros(payloadCrc, PAYLOAD_BYTES - length)
      page.writeUInt32LE(joinedCrc(headerCrc(page), filled, PAYLOAD_BYTES), CRC_AT)
      return page
    },
  }
}

function writeHeader(
  page: Buffer,
  header: PageHeader,
  version: { readonly major: number; readonly minor: number },
): void {
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
}

/** True if it is a page of a ring, valid or damaged. */
export function isPage(bytes: Uint8Array): boolean {
  return MAGIC.equals(bytes.subarray(0, MAGIC.length))
}

/** Decodes a page: never written (zeros), damaged, or valid. A valid page may have another major version. */
export function decodePage(bytes: Uint8Array): Page | 'empty' | 'damaged' {
  const page = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (page.length !== PAGE_BYTES) return 'damaged'
  if (!isPage(page)) return page.equals(EMPTY) ? 'empty' : 'damaged'
  if (page.readUInt32LE(CRC_AT) !== pageCrc(page)) return 'damaged'
  const major = page[8] as number
  const kind = KINDS[(page[10] as number) - 1]
  const length = page.readUInt16LE(LENGTH_AT)
  const [seq, base, wallMs] = [readUInt64(page, 16), readUInt64(page, 24), page.readDoubleLE(48)]
  const valid = [seq, base, wallMs].every((n) => Math.abs(n) <= LARGEST_NUMBER)
  if (major === MAJOR && (kind === undefined || length > PAYLOAD_BYTES || !valid)) return 'damaged'
  return {
    major,
    minor: page[9] as number,
    kind: kind ?? 'history',
    part: page.readUInt16LE(12),
    parts: page.readUInt16LE(14),
    seq,
    base,
    boot: page.toString('hex', 32, 48),
    wallMs,
    payload: page.subarray(HEADER_BYTES, HEADER_BYTES + Math.min(length, PAYLOAD_BYTES)),
  }
}

function pageCrc(page: Buffer): number {
  const head = headerCrc(page)
  const end = Math.min(HEADER_BYTES + page.readUInt16LE(LENGTH_AT), PAGE_BYTES)
  if (!page.subarray(end).equals(EMPTY.subarray(end))) return crc32c(page.subarray(HEADER_BYTES), head)
  return afterZeros(crc32c(page.subarray(HEADER_BYTES, end), head), PAGE_BYTES - end)
}

function headerCrc(page: Buffer): number {
  return crc32c(NO_CRC, crc32c(page.subarray(0, CRC_AT)))
}

function writeUInt64(page: Buffer, n: number, at: number): void {
  page.writeUInt32LE(n % 2 ** 32, at)
  page.writeUInt32LE(Math.floor(n / 2 ** 32), at + 4)
}

function readUInt64(page: Buffer, at: number): number {
  return page.readUInt32LE(at) + page.readUInt32LE(at + 4) * 2 ** 32
}
