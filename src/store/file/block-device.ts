// What the kernel knows of a block device: its size, and whether it is a partition and in use, from /sys and /proc.
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { basename } from 'node:path'
import { readMounts } from './mounts.ts'

/** Major and minor number, as `259:3`, of a device number as stat(2) returns it. */
export function deviceNumber(rdev: number): string {
  const [high, low] = [Math.floor(rdev / 2 ** 32), rdev % 2 ** 32]
  const major = ((low >>> 8) & 0xfff) + (high & ~0xfff)
  const minor = (low & 0xff) + ((low >>> 12) & ~0xff)
  return `${major}:${minor}`
}

/** Its size in bytes; stat(2) reports 0. Throws if /sys does not show it. */
export function deviceBytes(rdev: number): number {
  const sectors = Number(readFileSync(`/sys/dev/block/${deviceNumber(rdev)}/size`, 'utf8'))
  return sectors * 512
}

/** True if only a device node can be at this path: no regular file is created there. `/dev` of a sandbox may be a tmpfs. */
export function isDevicePath(path: string): boolean {
  return path.startsWith('/dev/') && !path.startsWith('/dev/shm/')
}

/** How a block device is used; null or false: not. */
export interface DeviceUse {
  /** The kernel's name: `mmcblk0p5`. */
  readonly name: string
  readonly bytes: number
  readonly isPartition: boolean
  /** Raw flash (MTD) under a block device. It has no wear levelling. */
  readonly isMtd: boolean
  readonly isReadOnly: boolean
  readonly mountedAt: string | null
  readonly isSwap: boolean
  /** The device-mapper or RAID device on top of it. */
  readonly usedBy: string | null
}

/** Major number of mtdblock (devices.txt of the kernel). */
const MTD_BLOCK = '31'

/** Throws if /sys or /proc cannot be read. Mounts of other namespaces are not shown; opening exclusively finds these. */
export function deviceUse(rdev: number): DeviceUse {
  const number = deviceNumber(rdev)
  const sysfs = realpathSync(`/sys/dev/block/${number}`)
  const name = basename(sysfs)
  const swaps = readFileSync('/proc/swaps', 'utf8').split('\n').slice(1)
  return {
    name,
    bytes: deviceBytes(rdev),
    isPartition: readdirSync(sysfs).includes('partition'),
    isMtd: number.startsWith(`${MTD_BLOCK}:`) || /^(mtdblock|ubiblock)/.test(name),
    isReadOnly: readFileSync(`${sysfs}/ro`, 'utf8').trim() !== '0',
    mountedAt: readMounts().find(({ device }) => device === number)?.point ?? null,
    isSwap: swaps.some((line) => basename(line.split(/\s/)[0] ?? '') === name),
    usedBy: readdirSync(`${sysfs}/holders`)[0] ?? null,
  }
}
