// Prepares a partition as a state file (`gatewatch format`): refuses whatever may hold something else, then writes an empty ring.
import { execFile } from 'node:child_process'
import { fileReason } from '../core/error-text.ts'
import type { State } from '../core/state.ts'
import { type DeviceUse, deviceUse } from './file/block-device.ts'
import { type Fs, nodeFs, pwriteAll, uninterrupted } from './file/fs.ts'
import { type Lock, socketLock } from './file/lock.ts'
import { isRing } from './file/medium.ts'
import { RING_BYTES_AT_MOST, readPages, ringBytes } from './file/paths.ts'
import { pagesFor } from './file/ring.ts'
import { headOf } from './format/head-record.ts'
import { snapshotPayloads } from './format/pack.ts'
import { bootKey, encodePage, isPage, PAGE_BYTES } from './format/page.ts'
import { recover } from './recovery.ts'

const MIB = 1024 * 1024
/** A larger one was hardly made for this: its name is probably a mistake. */
const DEVICE_BYTES_AT_MOST = 64 * MIB
const DEVICE_BYTES_AT_LEAST = pagesFor(1) * PAGE_BYTES

/** A partition that nothing else can claim until `close`. */
export interface PreparedPartition {
  readonly path: string
  readonly bytes: number
  /** Of the ring on it that `format` erases; null if it is blank. */
  readonly former: { readonly units: number } | null
  /** Erases the part that a ring uses, and writes an empty ring. */
  format(): Promise<void>
  close(): Promise<void>
}

interface PartitionOptions {
  readonly fs?: Fs
  readonly lock?: Lock
  readonly useOf?: (rdev: number) => DeviceUse
  /** The type of what blkid(8) finds on a device; null if it finds nothing, or is not installed. */
  readonly signatureOn?: (path: string) => Promise<string | null>
}

/** Rejects with the reason if the device must not be formatted. The reason begins with the path. */
export async function preparePartition(
  device: string,
  fresh: State,
  options: PartitionOptions = {},
): Promise<PreparedPartition> {
  const { fs = nodeFs, useOf = deviceUse, signatureOn = signatureByBlkid } = options
  const refuse = (reason: string) => new Error(`${device}: ${reason}; nothing was changed`)
  const path = await fs.realpath(device).catch((error: unknown) => {
    throw refuse(fileReason(error))
  })
  const { isBlock, ino: rdev } = await fs.stat(path)
  if (!isBlock) throw refuse(/^\/dev\/mtd/.test(path) ? MTD : 'it is not a block device')
  const inUse = refusedUse(useOf(rdev))
  if (inUse !== null) throw refuse(inUse)
  const unlock = await (options.lock ?? socketLock)(path)
  let fd: number | null = null
  const close = async () => {
    if (fd !== null) await fs.close(fd).catch(() => {})
    await unlock()
  }
  try {
    fd = await fs.open(path, 'claim').catch((error: NodeJS.ErrnoException) => {
      const busy = 'it is in exclusive use by something else, perhaps mounted in another namespace (EBUSY)'
      throw Object.assign(refuse(error.code === 'EBUSY' ? busy : fileReason(error)), { code: error.code })
    })
    const { bytes } = useOf(rdev)
    const content = await readPages(fs, fd, bytes)
    const refusal = refusedContent(content, await signatureOn(path))
    if (refusal !== null) throw refuse(refusal)
    const claimed = fd
    return { path, bytes, former: formerOf(content), format: () => writeEmptyRing(fs, claimed, bytes, fresh), close }
  } catch (error) {
    await close()
    throw error
  }
}

const MTD = 'it is raw flash (MTD), which needs a file system with wear levelling such as UBIFS'

function refusedUse({ bytes, ...use }: DeviceUse): string | null {
  if (use.isMtd) return MTD
  if (use.mountedAt !== null) return `it is mounted at ${use.mountedAt}`
  if (use.isSwap) return 'it is used as swap'
  if (use.usedBy !== null) return `it is part of ${use.usedBy}`
  if (!use.isPartition)
    return `it is a ${use.name.startsWith('dm-') ? 'device-mapper device' : 'whole disk'}, not a partition`
  if (use.isReadOnly) return 'it is read-only'
  if (bytes > DEVICE_BYTES_AT_MOST)
    return `it has ${Math.round(bytes / MIB).toLocaleString('en')} MiB, and a partition for gatewatch has at most 64 MiB`
  return bytes < DEVICE_BYTES_AT_LEAST ? 'it is smaller than 1 MiB' : null
}

/** What a tool writes at the end of a partition and blkid(8) looks for there: GPT's copy, RAID metadata, ZFS labels. */
const AT_THE_END: readonly (readonly [what: string, magic: Buffer])[] = [
  ['a GPT partition table', Buffer.from('EFI PART')],
  ['a Linux RAID member', Buffer.from('fc4e2ba9', 'hex')],
  ['a ZFS label', Buffer.from('0cb1ba0000000000', 'hex')],
  ['a ZFS label', Buffer.from('0000000000bab10c', 'hex')],
]
const SECTOR_BYTES = 512

function refusedContent(content: Uint8Array, signature: string | null): string | null {
  if (signature !== null) return `it holds data (${signature}); if that is not needed, erase it first with 'wipefs -a'`
  const foreign = foreignPage(content.subarray(0, MIB))
  if (foreign !== null)
    return `it holds data that is not from gatewatch, at byte ${foreign}; if that is not needed, erase it first with 'dd if=/dev/zero bs=1M count=1 of=DEVICE'`
  const end = content.subarray(-MIB)
  for (let at = end.length % SECTOR_BYTES; at < end.length; at += SECTOR_BYTES) {
    const found = AT_THE_END.find(([, magic]) => magic.equals(end.subarray(at, at + magic.length)))
    if (found !== undefined)
      return `it holds ${found[0]} at its end; if that is not needed, erase it first with 'wipefs -a'`
  }
  return null
}

/** The position of the first page that is neither blank (00 and FF) nor a page of a ring; null if there is none. */
function foreignPage(bytes: Uint8Array): number | null {
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    const page = bytes.subarray(at, at + PAGE_BYTES)
    if (!isPage(page) && !page.every((byte) => byte === 0 || byte === 0xff)) return at
  }
  return null
}

function formerOf(content: Uint8Array): PreparedPartition['former'] {
  return isRing(content.subarray(0, MIB))
    ? { units: recover(content.subarray(0, RING_BYTES_AT_MOST)).state?.units.length ?? 0 }
    : null
}

/** The pages of a former ring are erased before the first page of the new one is written. */
async function writeEmptyRing(fs: Fs, fd: number, bytes: number, fresh: State): Promise<void> {
  const pages = ringBytes(bytes) / PAGE_BYTES
  const zeros = new Uint8Array(pagesFor(1) * PAGE_BYTES)
  for (let at = 0; at < pages * PAGE_BYTES; at += zeros.length) {
    await pwriteAll(fs, fd, zeros.subarray(0, Math.min(zeros.length, pages * PAGE_BYTES - at)), at)
  }
  await uninterrupted(() => fs.fdatasync(fd))
  await pwriteAll(fs, fd, formattedPage(fresh), 0)
  await uninterrupted(() => fs.fdatasync(fd))
}

/** The only page of an empty ring. */
export function formattedPage(fresh: State): Uint8Array {
  const head = headOf(fresh, { reserved: 0, acknowledged: 0, published: [], clean: false, formatted: true })
  const { payloads } = snapshotPayloads(head, [], new Map(), { events: [], dropped: [] })
  const header = { part: 0, parts: 1, seq: 1, base: 1, boot: bootKey(''), wallMs: 0 }
  return encodePage({ ...header, kind: 'history' }, payloads[0] as Uint8Array)
}

/** Where util-linux is installed. busybox's blkid has no -p, and fails. */
const BLKID = ['/usr/sbin/blkid', '/sbin/blkid']
const AMBIGUOUS = 8

async function signatureByBlkid(path: string): Promise<string | null> {
  for (const program of BLKID) {
    const { code, stdout } = await new Promise<{ code: unknown; stdout: string }>((resolve) =>
      execFile(program, ['-p', '-o', 'export', path], { timeout: 30_000 }, (error, stdout) =>
        resolve({ code: error?.code ?? 0, stdout }),
      ),
    )
    if (code === 'ENOENT') continue
    if (code === AMBIGUOUS) return 'several signatures'
    // Of a partition without a signature, it shows only the entry in the partition table (PART_ENTRY_TYPE).
    return /^(?:TYPE|PTTYPE)=(.+)$/m.exec(stdout)?.[1] ?? null
  }
  return null
}
