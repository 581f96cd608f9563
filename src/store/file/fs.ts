// The few file operations that the store needs, as a port: Node's own here, one that fails on purpose in the tests.
import * as node from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

export interface FileStat {
  readonly isFile: boolean
  readonly isSymlink: boolean
  readonly ino: number
  readonly size: number
  readonly uid: number
  readonly gid: number
}

/** Rejects, and throws, with Node's errors (`code`: ENOSPC, EROFS, ...). May read and write less than asked. */
export interface Fs {
  /** `update`: read and write an existing file; `create`: a new one, for its owner and group, that must not exist. */
  open(path: string, how: 'read' | 'update' | 'create'): Promise<number>
  pread(fd: number, into: Uint8Array, at: number): Promise<number>
  pwrite(fd: number, bytes: Uint8Array, at: number): Promise<number>
  fdatasync(fd: number): Promise<void>
  fsyncDir(path: string): Promise<void>
  close(fd: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  chown(path: string, uid: number, gid: number): Promise<void>
  /** Of the path itself, not of what a symbolic link points to. */
  stat(path: string): Promise<FileStat>
  realpath(path: string): Promise<string>
  /** Whose rights the process has. */
  readonly uid: number
  readonly sync: SyncFs
}

/** For the runtime directory in RAM: what is done before anyone sees an event. */
export interface SyncFs {
  read(path: string): Uint8Array
  create(path: string): number
  pwrite(fd: number, bytes: Uint8Array, at: number): number
  rename(from: string, to: string): void
  unlink(path: string): void
  mkdir(path: string): void
  close(fd: number): void
}

const { O_CREAT, O_EXCL, O_RDONLY, O_RDWR } = node.constants
const FLAGS = { read: O_RDONLY, update: O_RDWR, create: O_RDWR | O_CREAT | O_EXCL }

const open = promisify(node.open)
const close = promisify(node.close)
const fsync = promisify(node.fsync)
const read = promisify(node.read)
const write = promisify(node.write)
const lstat = promisify(node.lstat)
const mkdir = promisify(node.mkdir)

export const nodeFs: Fs = {
  open: (path, how) => open(path, FLAGS[how], 0o640),
  pread: async (fd, into, at) => (await read(fd, into, 0, into.length, at)).bytesRead,
  pwrite: async (fd, bytes, at) => (await write(fd, bytes, 0, bytes.length, at)).bytesWritten,
  fdatasync: promisify(node.fdatasync),
  async fsyncDir(path) {
    const fd = await open(path, O_RDONLY)
    try {
      await fsync(fd)
    } finally {
      await close(fd)
    }
  },
  close,
  rename: promisify(node.rename),
  unlink: promisify(node.unlink),
  mkdir: makeDirectory,
  chown: promisify(node.chown),
  async stat(path) {
    const s = await lstat(path)
    return { isFile: s.isFile(), isSymlink: s.isSymbolicLink(), ino: s.ino, size: s.size, uid: s.uid, gid: s.gid }
  },
  realpath: promisify(node.realpath),
  uid: process.geteuid?.() ?? 0,
  sync: {
    read: (path) => node.readFileSync(path),
    create: (path) => node.openSync(path, FLAGS.create, 0o640),
    pwrite: (fd, bytes, at) => node.writeSync(fd, bytes, 0, bytes.length, at),
    rename: node.renameSync,
    unlink: node.unlinkSync,
    mkdir: makeDirectorySync,
    close: node.closeSync,
  },
}

/** As `mkdir -p`. Node's own never comes back where the kernel says ENOENT of a directory that exists, as /proc does. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, 0o755)
  } catch (error) {
    if (errno(error) === 'EEXIST') return
    if (errno(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await mkdir(path, 0o755)
  }
}

function makeDirectorySync(path: string): void {
  try {
    node.mkdirSync(path, 0o755)
  } catch (error) {
    if (errno(error) === 'EEXIST') return
    if (errno(error) !== 'ENOENT' || dirname(path) === path) throw error
    makeDirectorySync(dirname(path))
    node.mkdirSync(path, 0o755)
  }
}

/** The code of an error of the file system, `other` where it has none. */
export function errno(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'other'
}

/** Writes all of `bytes` at `at`: goes on after a short write, tries again after EINTR. */
export async function pwriteAll(fs: Fs, fd: number, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += progressOf(await uninterrupted(() => fs.pwrite(fd, bytes.subarray(done), at + done)))
  }
}

export function pwriteAllSync(fs: SyncFs, fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) done += progressOf(fs.pwrite(fd, bytes.subarray(done), at + done))
}

function progressOf(written: number): number {
  if (written > 0) return written
  throw Object.assign(new Error('EIO: nothing was written'), { code: 'EIO' })
}

/** `length` bytes from `at`, fewer where the file ends. */
export async function preadAll(fs: Fs, fd: number, length: number, at: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const n = await uninterrupted(() => fs.pread(fd, bytes.subarray(done), at + done))
    if (n === 0) break
    done += n
  }
  return bytes.subarray(0, done)
}

export async function uninterrupted<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call()
    } catch (error) {
      if (errno(error) !== 'EINTR') throw error
    }
  }
}
