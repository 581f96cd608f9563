// The path of a state file: resolves it, reads the file, and renames a file that must not be overwritten.
import { basename, dirname, join, resolve } from 'node:path'
import { PAGE_BYTES } from '../format/page.ts'
import { errno, type Fs, preadAll } from './fs.ts'

/** Larger than the ring of any number of units. Of a larger file, which is not a ring, only this much is read. */
const READ_AT_MOST = 4096 * PAGE_BYTES
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
    if (!isSymlink) return plain
    const trusted = fs.uid !== 0 || (uid === 0 && (await fs.stat(directory)).uid === 0)
    return trusted ? await fs.realpath(plain) : plain
  } catch {
    return plain
  }
}

/** The bytes at `path`. A page that the device cannot read becomes a damaged page. */
export async function readContent(fs: Fs, path: string): Promise<FileContent> {
  try {
    const { isFile, size } = await fs.stat(path)
    if (!isFile) throw notRegular()
    const fd = await fs.open(path, 'read')
    try {
      return { bytes: await readable(fs, fd, Math.min(size, READ_AT_MOST)) }
    } finally {
      await fs.close(fd).catch(() => {})
    }
  } catch (error) {
    return errno(error) === 'ENOENT' ? { bytes: null } : { error }
  }
}

function notRegular(): Error {
  return new Error('it is not a regular file')
}

async function readable(fs: Fs, fd: number, size: number): Promise<Uint8Array> {
  try {
    return await preadAll(fs, fd, size, 0)
  } catch {
    const bytes = new Uint8Array(size).fill(0xff)
    for (let at = 0; at < size; at += PAGE_BYTES) {
      const page = await preadAll(fs, fd, Math.min(PAGE_BYTES, size - at), at).catch(() => null)
      if (page !== null) bytes.set(page, at)
    }
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
