// Resource usage of the gateway: memory, CPU, disks and flash wear, each read only as often as it changes.
import { promises, readdirSync, readFileSync } from 'node:fs'
import type { HostUsage } from '../ports.ts'
import { openRereadFile, type RereadFile } from './reread-file.ts'

interface SystemUsage {
  read(nowMonoMs: number): Promise<HostUsage>
}

const CPU_EVERY_MS = 1_000
const DISKS_EVERY_MS = 60_000
const FLASH_EVERY_MS = 3_600_000

/** `paths`: the file systems to report; each is reported once, under the first path on it. */
export function createSystemUsage(paths: readonly string[], proc = '/proc', sys = '/sys'): SystemUsage {
  const meminfo = openRereadFile(`${proc}/meminfo`)
  const cpu = cached(CPU_EVERY_MS, cpuUsed(openRereadFile(`${proc}/stat`)))
  const disks = cached(DISKS_EVERY_MS, () => disksUsed(paths))
  const flash = cached(FLASH_EVERY_MS, () => flashLife(`${sys}/block`))
  return {
    read: async (now) => ({
      memory: memoryUsed(meminfo.read() ?? ''),
      cpu: cpu(now),
      disks: await disks(now),
      flash: flash(now),
    }),
  }
}

/** Four digits: more would be noise, and would enlarge each scrape. */
function rounded(part: number): number {
  return Math.round(part * 10_000) / 10_000
}

function cached<T>(everyMs: number, read: () => T): (nowMonoMs: number) => T {
  let last: { readonly atMs: number; readonly value: T } | null = null
  return (now) => {
    if (last === null || now - last.atMs >= everyMs) last = { atMs: now, value: read() }
    return last.value
  }
}

const TOTAL = /^MemTotal: +(\d+) kB/m
const AVAILABLE = /^MemAvailable: +(\d+) kB/m

/** The fraction that is not available without swapping (proc_meminfo(5)); null with kernels before 3.14. */
function memoryUsed(meminfo: string): number | null {
  const used = 1 - Number(AVAILABLE.exec(meminfo)?.[1]) / Number(TOTAL.exec(meminfo)?.[1])
  return Number.isFinite(used) ? rounded(used) : null
}

/** proc_stat(5): user nice system idle iowait irq softirq steal; guest time is included in user. */
function cpuUsed(stat: RereadFile): () => number | null {
  let before = { idle: 0, all: 0 }
  let used: number | null = null
  return () => {
    const line = /^cpu +(.*)$/m.exec(stat.read() ?? '')?.[1]
    if (line === undefined) return null
    const ticks = line.split(' ').slice(0, 8).map(Number)
    const all = ticks.reduce((sum, n) => sum + n, 0)
    const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0)
    if (all > before.all) used = rounded(Math.max(0, 1 - (idle - before.idle) / (all - before.all)))
    before = { idle, all }
    return used
  }
}

/** The used fraction of what unprivileged users may use, as in df(1). */
async function disksUsed(paths: readonly string[]): Promise<HostUsage['disks']> {
  const seen = new Set<number>()
  const disks: { path: string; used: number }[] = []
  for (const path of paths) {
    try {
      const { dev } = await promises.stat(path)
      if (seen.has(dev)) continue
      seen.add(dev)
      const { blocks, bfree, bavail } = await promises.statfs(path)
      const used = blocks - bfree
      if (used + bavail > 0) disks.push({ path, used: rounded(used / (used + bavail)) })
    } catch {} // a path that does not exist is not reported
  }
  return disks
}

/**
 * An eMMC estimates its wear in steps of a tenth, separately for its two types of cells (JEDEC JESD84-B51, EXT_CSD 268
 * and 269). Reports the upper limit of the worse one; 0x0b (reported as 1.1) means exceeded, 0 means not defined.
 */
function flashLife(block: string): HostUsage['flash'] {
  try {
    return readdirSync(block).flatMap((device) => {
      const life = /^mmcblk\d+$/.test(device) ? lifeTime(`${block}/${device}/device/life_time`) : 0
      return life > 0 ? [{ device, lifeUsed: life / 10 }] : []
    })
  } catch {
    return []
  }
}

function lifeTime(path: string): number {
  try {
    const steps = readFileSync(path, 'latin1').trim().split(/\s+/).map(Number)
    return Math.max(...steps.filter((step) => step >= 1 && step <= 11), 0)
  } catch {
    return 0 // an SD card, which has no estimate
  }
}
