// Finds the file system that holds a path, and whether it is RAM-backed, from /proc/self/mountinfo (proc(5)).
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export interface Mount {
  readonly point: string
  readonly type: string
  /** Options of the file system, for example `commit=30`. */
  readonly options: readonly string[]
  /** The directory that receives the writes of an overlay; null for other types. */
  readonly upperDir: string | null
}

/** Limit for overlays on overlays, against cycles. */
const OVERLAYS_AT_MOST = 8

/** Parses lines such as `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue`; a space is `\040`. */
export function parseMounts(mountinfo: string): Mount[] {
  const mounts: Mount[] = []
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ')
    const point = left?.split(' ')[4]
    const [type, , options] = right?.split(' ') ?? []
    if (point === undefined || type === undefined) continue
    const all = options?.split(/(?<!\\),/) ?? []
    const upper = all.find((option) => option.startsWith('upperdir='))
    const upperDir = upper === undefined ? null : unescaped(upper.slice(9))
    mounts.push({ point: unescaped(point), type, options: all, upperDir })
  }
  return mounts
}

/**
 * The mount that holds `path` (absolute), followed through overlays to where the bytes are written. Of several mounts on
 * one point the last one counts.
 */
export function mountOf(mounts: readonly Mount[], path: string): Mount | null {
  let at = path
  for (let depth = 0; depth < OVERLAYS_AT_MOST; depth++) {
    let best: Mount | null = null
    for (const mount of mounts) {
      if (holds(mount.point, at) && mount.point.length >= (best?.point.length ?? 0)) best = mount
    }
    if (best === null || best.type !== 'overlay' || best.upperDir === null) return best
    at = best.upperDir
  }
  return null
}

/** True for tmpfs and ramfs, whose content is lost at a power loss. */
export function isVolatile(mount: Mount | null): boolean {
  return mount?.type === 'tmpfs' || mount?.type === 'ramfs'
}

/** The mount of a path on this machine; null if unknown. The path need not exist yet. */
export function mountOfPath(path: string): Mount | null {
  try {
    return mountOf(parseMounts(readFileSync('/proc/self/mountinfo', 'utf8')), existingPart(resolve(path)))
  } catch {
    return null
  }
}

function holds(point: string, path: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`)
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
