// A file system in memory: records every operation with its syncs, and fails on demand.
import { dirname } from 'node:path'
import type { FileStat, Fs } from '../../src/store/file/fs.ts'

type Op = 'open' | 'create' | 'pread' | 'pwrite' | 'fdatasync' | 'fsyncDir' | 'rename' | 'unlink' | 'mkdir' | 'chown'

/** The operations in order. `pwrite`: position and bytes in the file `ino`. */
export type LoggedOp =
  | { readonly op: 'pwrite'; readonly ino: number; readonly at: number; readonly bytes: Uint8Array }
  | { readonly op: 'fdatasync'; readonly ino: number }
  | { readonly op: 'rename'; readonly ino: number; readonly to: string }
  | { readonly op: 'fsyncDir' }
  | { readonly op: 'mark'; readonly mark: number }

interface Inode {
  readonly ino: number
  bytes: Buffer
  /** A block device: of a fixed size, and never to be renamed, replaced or removed. */
  readonly isBlock: boolean
}

export interface MemoryFs extends Fs {
  readonly files: Map<string, Inode>
  readonly log: LoggedOp[]
  /** Called before each operation on flash; it may throw, or return the number of bytes of a short read or write. */
  fault: (op: Op, path: string) => number | undefined
  /** The same for the runtime directory. */
  syncFault: (op: 'create' | 'pwrite' | 'rename', path: string) => void
  put(path: string, bytes: Uint8Array): void
  putDevice(path: string, bytes: Uint8Array): void
  bytes(path: string): Buffer
  mark(mark: number): void
}

export function failure(code: string, words = 'made to fail'): Error {
  return Object.assign(new Error(`${code}: ${words}, write`), { code })
}

export function memoryFs(): MemoryFs {
  const files = new Map<string, Inode>()
  const open = new Map<number, { readonly inode: Inode; readonly path: string; readonly claimed?: boolean }>()
  const log: LoggedOp[] = []
  let nextFd = 3
  let nextIno = 1

  function at(path: string): Inode {
    const inode = files.get(path)
    if (inode === undefined) throw failure('ENOENT', 'no such file or directory')
    return inode
  }
  function opened(fd: number) {
    const file = open.get(fd)
    if (file === undefined) throw failure('EBADF')
    return file
  }
  function make(path: string): number {
    if (files.has(path)) throw failure('EEXIST')
    const inode = { ino: nextIno++, bytes: Buffer.alloc(0), isBlock: false }
    files.set(path, inode)
    open.set(nextFd, { inode, path })
    return nextFd++
  }
  function write(inode: Inode, bytes: Uint8Array, place: number): number {
    const end = place + bytes.length
    if (inode.isBlock && end > inode.bytes.length) throw failure('ENOSPC')
    if (end > inode.bytes.length) inode.bytes = Buffer.concat([inode.bytes, Buffer.alloc(end - inode.bytes.length)])
    inode.bytes.set(bytes, place)
    return bytes.length
  }
  function spareDevice(path: string): void {
    if (files.get(path)?.isBlock) throw new Error(`the device ${path} would be destroyed`)
  }
  function move(from: string, to: string): Inode {
    const inode = at(from)
    spareDevice(from)
    spareDevice(to)
    files.delete(from)
    files.set(to, inode)
    return inode
  }

  /** As the kernel: one of a kind. */
  function claim(path: string): void {
    if (!at(path).isBlock) throw new Error(`${path} is not a block device`)
    if ([...open.values()].some((file) => file.path === path && file.claimed)) throw failure('EBUSY')
  }

  const fs: MemoryFs = {
    files,
    log,
    uid: 1000,
    fault: () => undefined,
    syncFault: () => {},
    put: (path, bytes) => void files.set(path, { ino: nextIno++, bytes: Buffer.from(bytes), isBlock: false }),
    putDevice: (path, bytes) => void files.set(path, { ino: nextIno++, bytes: Buffer.from(bytes), isBlock: true }),
    bytes: (path) => Buffer.from(at(path).bytes),
    mark: (mark) => void log.push({ op: 'mark', mark }),
    async open(path, how) {
      fs.fault(how === 'create' ? 'create' : 'open', path)
      if (how === 'create') return make(path)
      if (how === 'claim') claim(path)
      open.set(nextFd, { inode: at(path), path, claimed: how === 'claim' })
      return nextFd++
    },
    async pread(fd, into, place) {
      const { inode, path } = opened(fd)
      const most = fs.fault('pread', path) ?? into.length
      return inode.bytes.copy(into, 0, place, Math.min(inode.bytes.length, place + Math.min(most, into.length)))
    },
    async pwrite(fd, bytes, place) {
      const { inode, path } = opened(fd)
      const most = fs.fault('pwrite', path) ?? bytes.length
      const some = Buffer.from(bytes.subarray(0, most))
      log.push({ op: 'pwrite', ino: inode.ino, at: place, bytes: some })
      return write(inode, some, place)
    },
    async fdatasync(fd) {
      const { inode, path } = opened(fd)
      fs.fault('fdatasync', path)
      log.push({ op: 'fdatasync', ino: inode.ino })
    },
    async fsyncDir(path) {
      fs.fault('fsyncDir', path)
      log.push({ op: 'fsyncDir' })
    },
    async close(fd) {
      open.delete(fd)
    },
    async rename(from, to) {
      fs.fault('rename', from)
      const inode = move(from, to)
      log.push({ op: 'rename', ino: inode.ino, to })
    },
    async unlink(path) {
      fs.fault('unlink', path)
      spareDevice(path)
      if (!files.delete(path)) throw failure('ENOENT')
    },
    async mkdir(path) {
      fs.fault('mkdir', path)
    },
    async chown() {},
    async stat(path): Promise<FileStat> {
      const known = files.get(path)
      const isBlock = known?.isBlock === true
      const isFile = known !== undefined && !isBlock
      if (known === undefined && ![...files.keys()].some((file) => dirname(file) === path)) at(path)
      const { ino = 0, bytes } = known ?? {}
      return { isFile, isSymlink: false, isBlock, ino, size: bytes?.length ?? 0, uid: 1000, gid: 1000 }
    },
    realpath: async (path) => path,
    sync: {
      read: (path) => Buffer.from(at(path).bytes),
      create(path) {
        fs.syncFault('create', path)
        return make(path)
      },
      pwrite(fd, bytes, place) {
        const { inode, path } = opened(fd)
        fs.syncFault('pwrite', path)
        return write(inode, bytes, place)
      },
      rename(from, to) {
        fs.syncFault('rename', from)
        move(from, to)
      },
      unlink(path) {
        if (!files.delete(path)) throw failure('ENOENT')
      },
      mkdir() {},
      close: (fd) => void open.delete(fd),
    },
  }
  return fs
}
