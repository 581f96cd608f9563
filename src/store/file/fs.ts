// The file operations that the store needs, as an interface: implemented by Node here, and by a failing one in tests.
import * as node from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { deviceBytes } from './block-device.ts'

export interface FileStat {
  readonly isFile: boolean
  readonly isSymlink: boolean
  /** A block device, such as a partition. Its `size` is that of the device. */
  readonly isBlock: boolean
  /** Of a block device the device number: its node may be created again. */
  readonly ino: number
  readonly size: number
  readonly uid: number
  readonly gid: number
}

/** Fails with Node's errors (`code`: ENOSPC, EROFS, ...). May read and write less than requested. */
export interface Fs {
  /**
   * `update`: read and write an existing file. `claim`: the same for a block device; fails with EBUSY if it is mounted or
   * otherwise claimed, and while it is open nothing else can claim it. `create`: a new file with mode 0640; fails if it exists.
   */
  open(path: string, how: 'read' | 'update' | 'claim' | 'create'): Promise<number>
  pread(fd: number, into: Uint8Array, at: number): Promise<number>
  pwrite(fd: number, bytes: Uint8Array, at: number): Promise<number>
  fdatasync(fd: number): Promise<void>
  fsyncDir(path: string): Promise<void>
  close(fd: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  chown(path: string, uid: number, gid: number): Promise<void>
  /** As lstat(2): of the path itself, not of the target of a symbolic link. */
  stat(path: string): Promise<FileStat>
  realpath(path: string): Promise<string>
  /** The effective user id of the process. */
  readonly uid: number
  readonly sync: SyncFs
}

/** Synchronous operations on the runtime directory in RAM, for what must be done before any sink receives an event. */
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
const FLAGS = { read: O_RDONLY, update: O_RDWR, claim: O_RDWR | O_EXCL, create: O_RDWR | O_CREAT | O_EXCL }

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
    const isBlock = s.isBlockDevice()
    const [ino, size] = isBlock ? [s.rdev, deviceBytes(s.rdev)] : [s.ino, s.size]
    return { isFile: s.isFile(), isSymlink: s.isSymbolicLink(), isBlock, ino, size, uid: s.uid, gid: s.gid }
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

/** As `mkdir -p`. Node's recursive mkdir never returns if the kernel reports ENOENT in an existing directory, as in /proc. */
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

/** The code of a file system error; `other` if it has none. */
export function errno(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : 'other'
}

/** Writes all of `bytes` at `at`: continues after a short write, retries after EINTR. */
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

/** `length` bytes from `at`; fewer at the end of the file. */
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
