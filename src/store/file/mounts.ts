// Finds the file system that holds a path, and whether a power loss erases it, from /proc/self/mountinfo (proc(5)).
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { messageOf } from '../../core/error-text.ts'

export interface Mount {
  readonly point: string
  /** The directory of the file system that is mounted: `/`, or for a bind mount a directory in it. */
  readonly root: string
  readonly type: string
  /** The device, or whatever the mount command named instead. */
  readonly source: string
  /** Major and minor number of the device, or of a file system without one. */
  readonly device: string
  /** Options of the file system, for example `commit=30`. */
  readonly options: readonly string[]
  /** The directory that receives the writes of an overlay; null for other types. */
  readonly upperDir: string | null
}

/** What holds the bytes of a path. */
export interface Storage {
  /** The mount, followed through overlays; null if it cannot be determined, and for a partition without a file system. */
  readonly mount: Mount | null
  /**
   * Why a power loss erases the content, or (without a mount) may erase it, completing the sentence "the file ..."; null
   * if the content survives.
   */
  readonly volatile: string | null
}

/** Limit for overlays on overlays, against cycles. */
const OVERLAYS_AT_MOST = 8
/** `rootfs` is the tmpfs of the initramfs. */
const IN_RAM: readonly string[] = ['tmpfs', 'ramfs', 'rootfs']
/** Block devices in RAM, which can hold any file system. */
const RAM_DEVICE = /^\/dev\/(ram|zram)\d+$/
/** Older unions of directories. Their mount options do not show where writes go. */
const UNION = /^(aufs|unionfs|fuse\.unionfs.*)$/

/** Parses lines such as `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue`; a space is `\040`. */
export function parseMounts(mountinfo: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ')
    const [, , device = '', root, point] = left?.split(' ') ?? []
    const [type, source = '', options] = right?.split(' ') ?? []
    if (root === undefined || point === undefined || type === undefined) continue
    const all = options?.split(/(?<!\\),/) ?? []
    const upper = all.find((option) => option.startsWith('upperdir='))
    const upperDir = upper === undefined ? null : unescaped(upper.slice(9))
    mounts.push({ point: unescaped(point), root: unescaped(root), type, source, device, options: all, upperDir })
  }
  return mounts
}

/** Of several mounts on one point the last one counts. `path` is absolute. */
export function mountHolding(mounts: readonly Mount[], path: string): Mount | null {
  let best: Mount | null = null
  for (const mount of mounts) {
    if (holds(mount.point, path) && mount.point.length >= (best?.point.length ?? 0)) best = mount
  }
  return best
}

/**
 * The storage of `path` (absolute), followed through overlays to where the bytes are written. An overlay names its upper
 * directory as it was when it was mounted, perhaps in the initramfs. So the directory is used only if the file is visible
 * in it; otherwise it is hidden, as a tmpfs under a read-only root file system is, and nothing is known about it.
 */
export function storageOf(
  mounts: readonly Mount[],
  path: string,
  isVisible: (path: string) => boolean = existsSync,
): Storage {
  let at = path
  for (let depth = 0; depth < OVERLAYS_AT_MOST; depth++) {
    const mount = mountHolding(mounts, at)
    if (mount === null) return unknown('is on no mount that /proc/self/mountinfo shows')
    const { point, root, type, source, upperDir } = mount
    if (IN_RAM.includes(type)) return { mount, volatile: inRam(type) }
    if (RAM_DEVICE.test(source)) return { mount, volatile: inRam(`${type} on ${source}`) }
    if (UNION.test(type)) return unknown(`is on a union of directories (${type}) that may be in RAM`)
    if (type !== 'overlay' || upperDir === null) return { mount, volatile: null }
    const written = join(upperDir, root, relative(point, at))
    if (!upperDir.startsWith('/') || !isVisible(written))
      return unknown(`is on an overlay (${point}) whose upper directory ${upperDir} is hidden and may be in RAM`)
    at = written
  }
  return unknown('is on too many overlays to find where it is written')
}

function inRam(type: string): string {
  return `is on a RAM-backed file system (${type})`
}

function unknown(volatile: string): Storage {
  return { mount: null, volatile }
}

/** The storage of a path on this machine. The path need not exist yet, but an overlay is only known for an existing one. */
export function storageAt(path: string): Storage {
  try {
    const existing = existingPart(resolve(path))
    if (isBlockDevice(existing)) return { mount: null, volatile: RAM_DEVICE.test(existing) ? inRam(existing) : null }
    return storageOf(readMounts(), existing)
  } catch (error) {
    return unknown(`is on an unknown file system (${messageOf(error)})`)
  }
}

/** The mounts that this process sees. Throws if /proc cannot be read. */
export function readMounts(): Mount[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
}

function holds(point: string, path: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`)
}

/** False if there is nothing, or if it cannot be reached. */
export function isBlockDevice(path: string): boolean {
  try {
    return statSync(path).isBlockDevice()
  } catch {
    return false
  }
}

function existingPart(path: string): string {
  let part = path
  while (!existsSync(part) && part !== '/') part = dirname(part)
  return realpathSync(part)
}

/** Decodes the kernel's octal escapes (`\040`), and backslashes before commas and colons in options of an overlay. */
function unescaped(text: string): string {
  return text
    .replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    .replace(/\\([\\,:])/g, '$1')
}
