// Which file system a path lies on, and whether it lives in RAM: from the text of /proc/self/mountinfo (proc(5)).
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

export interface Mount {
  readonly point: string
  readonly type: string
  /** Of the file system, as `commit=30`. */
  readonly options: readonly string[]
  /** Of an overlay: where its writes go. */
  readonly upperDir: string | null
}

/** Overlays upon overlays end somewhere. */
const OVERLAYS_AT_MOST = 8

/** `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw,errors=continue` a line; spaces in names are `\040`. */
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

/** The mount that holds `path` (absolute); through overlays down to where the bytes go. The last of equals is on top. */
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

/** True when what is written there is gone after a power cut: tmpfs or ramfs, an overlay on one included. */
export function isVolatile(mount: Mount | null): boolean {
  return mount?.type === 'tmpfs' || mount?.type === 'ramfs'
}

/** Of this machine; null where it cannot be told. The path need not be there yet. */
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

/** Octal escapes of the kernel (`\040`); in overlay's options also a backslash before a comma or colon. */
function unescaped(text: string): string {
  return text
    .replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
    .replace(/\\([\\,:])/g, '$1')
}
