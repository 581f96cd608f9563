// The path of a state file: resolves it, reads the file, and renames a file that must not be overwritten.
import { basename, dirname, join, resolve } from 'node:path'
import { PAGE_BYTES } from '../format/page.ts'
import { isDevicePath } from './block-device.ts'
import { errno, type Fs, preadAll } from './fs.ts'

/** Larger than the ring of any number of units. Of a larger file, which is not a ring, and of a larger partition, only this much is read. */
export const RING_BYTES_AT_MOST = 4096 * PAGE_BYTES
/** Of a ring on a partition: each page is read at every start, which costs time and memory. */
export const RING_BYTES_AT_FIRST = 256 * PAGE_BYTES
const SET_ASIDE_AT_MOST = 3

/** `bytes` is null if there is no file. */
type FileContent = { readonly bytes: Uint8Array | null } | { readonly error: unknown }

/**
 * Resolves symbolic links in the directory, so that two paths to one file use the same lock. A link at the file itself is
 * followed too, but root does not follow one of another user or in a directory of another user, who could point it anywhere.
 */
export async function resolvePath(fs: Fs, path: string): Promise<string> {
  const absolute = resolve(path)
  const directory = await fs.realpath(dirname(absolute)).catch(() => dirname(absolute))
  const plain = join(directory, basename(absolute))
  try {
    const { isSymlink, uid } = await fs.stat(plain)
    return isSymlink && (await isTrusted(fs, uid, directory)) ? await fs.realpath(plain) : plain
  } catch {
    return plain
  }
}

async function isTrusted(fs: Fs, uid: number, directory: string): Promise<boolean> {
  return fs.uid !== 0 || (uid === 0 && (await fs.stat(directory)).uid === 0)
}

/** The directory of the state file; of a partition, which is in none, that of the default file. */
export function stateDirectory(path: string): string {
  return isDevicePath(path) ? '/var/lib/gatewatch' : dirname(path)
}

/** True if the state is on a device: there is one at `path`, or nothing else can be there. */
export async function isOnDevice(fs: Fs, path: string): Promise<boolean> {
  const stat = await fs.stat(path).catch(() => null)
  return stat?.isBlock === true || isDevicePath(path)
}

/** The bytes at `path`. */
export async function readContent(fs: Fs, path: string): Promise<FileContent> {
  try {
    const { isFile, isBlock, size } = await fs.stat(path)
    if (!isFile && !isBlock) throw notRegular()
    const fd = await fs.open(path, 'read')
    try {
      return {
        bytes: isBlock ? await readRing(fs, fd, size) : await readPages(fs, fd, Math.min(size, RING_BYTES_AT_MOST)),
      }
    } finally {
      await fs.close(fd).catch(() => {})
    }
  } catch (error) {
    return errno(error) === 'ENOENT' ? { bytes: null } : { error }
  }
}

export function notRegular(): Error {
  return new Error("it is neither a regular file nor a partition that 'gatewatch format' prepared")
}

/**
 * Rejects if a file that is renamed to `path` would replace something else: a device, a directory, or a link that is followed
 * once its target exists.
 */
export async function refuseToReplace(fs: Fs, path: string): Promise<void> {
  const stat = await fs.stat(path).catch(() => null)
  if (stat === null || stat.isFile) return
  if (!stat.isSymlink) throw notRegular()
  if (await isTrusted(fs, stat.uid, dirname(path)))
    throw new Error(
      'it is a symbolic link to something that does not exist; create an empty file there, or remove the link',
    )
}

/**
 * The ring on a partition of `size` bytes: the first MiB, and as much again whenever the page after that was ever written. A
 * ring that becomes too small continues there.
 */
export async function readRing(fs: Fs, fd: number, size: number): Promise<Uint8Array> {
  const most = ringBytes(size)
  let used = Math.min(RING_BYTES_AT_FIRST, most)
  while (used < most) {
    const page = await readPages(fs, fd, PAGE_BYTES, used).catch(() => null)
    if (page?.every((byte) => byte === 0)) break // one that cannot be read may have been written
    used = Math.min(2 * used, most)
  }
  return await readPages(fs, fd, used)
}

/** How much of a partition of `size` bytes a ring can use. */
export function ringBytes(size: number): number {
  return Math.floor(Math.min(size, RING_BYTES_AT_MOST) / PAGE_BYTES) * PAGE_BYTES
}

/** `size` bytes from `from` on. A page that the device cannot read becomes a damaged page; rejects if it can read none. */
export async function readPages(fs: Fs, fd: number, size: number, from = 0): Promise<Uint8Array> {
  try {
    return await preadAll(fs, fd, size, from)
  } catch (error) {
    const bytes = new Uint8Array(size).fill(0xff)
    let some = false
    for (let at = 0; at < size; at += PAGE_BYTES) {
      const page = await preadAll(fs, fd, Math.min(PAGE_BYTES, size - at), from + at).catch(() => null)
      if (page === null) continue
      bytes.set(page, at)
      some = true
    }
    if (!some) throw error
    return bytes
  }
}

/**
 * Renames a regular file at `path` to `path.damaged-1`, `-2` or `-3`; the third is replaced by later ones. Resolves to the
 * new name, or to null if there is only a symbolic link, or nothing. Rejects if there is something else, such as a device:
 * root could replace it by a file.
 */
export async function setAside(fs: Fs, path: string): Promise<string | null> {
  const stat = await fs.stat(path).catch(() => null)
  if (stat === null || stat.isSymlink) return null
  if (!stat.isFile) throw notRegular()
  for (let n = 1; ; n++) {
    const aside = asideOf(path, n)
    if (n < SET_ASIDE_AT_MOST && (await exists(fs, aside))) continue
    await fs.rename(path, aside)
    return aside
  }
}

/** Whether a file at `path` was renamed by `setAside` before. */
export async function wasSetAside(fs: Fs, path: string): Promise<boolean> {
  for (let n = 1; n <= SET_ASIDE_AT_MOST; n++) if (await exists(fs, asideOf(path, n))) return true
  return false
}

function asideOf(path: string, n: number): string {
  return `${path}.damaged-${n}`
}

function exists(fs: Fs, path: string): Promise<boolean> {
  return fs.stat(path).then(
    () => true,
    () => false,
  )
}
