// A partition for tests: of a loop device over a file that the test created, so that no device of the machine is touched.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { missingPrograms, notRoot } from './unavailable.ts'

const MIB = 1024 * 1024
/** Sectors before the partition, for what a partition table would need. */
const FIRST_SECTOR = 2048

export interface Partition {
  /** `/dev/loop3p1` */
  readonly path: string
  /** `/dev/loop3` */
  readonly disk: string
  /** Bytes written to it so far. */
  written(): number
  end(): void
}

/** Why `makePartition` cannot work on this machine, or null. */
export function noPartition(): string | null {
  check ??= { why: missingPrograms('losetup', 'addpart', 'delpart') ?? notRoot() ?? tried() }
  return check.why
}

let check: { why: string | null } | undefined

function tried(): string | null {
  try {
    makePartition().end()
    return null
  } catch (error) {
    return `no partitions of loop devices: ${String(error)}`
  }
}

/** On a file of its own in a new directory, which `end` removes. */
export function makePartition(bytes = MIB): Partition {
  const directory = mkdtempSync(join(tmpdir(), 'gw-partition-'))
  const image = join(directory, 'image')
  const remove = () => rmSync(directory, { recursive: true, force: true })
  try {
    makeImage(image, bytes)
    const partition = attachPartition(image, bytes)
    return {
      ...partition,
      end() {
        partition.end()
        remove()
      },
    }
  } catch (error) {
    remove()
    throw error
  }
}

/** A file for `attachPartition`. */
export function makeImage(path: string, bytes: number): void {
  writeFileSync(path, '')
  truncateSync(path, FIRST_SECTOR * 512 + bytes)
}

const ATTEMPTS = 10

/**
 * The partition that the rest of the file `image` is. `prefix`: in front of a command that sees the file. Other programs may
 * take the same loop device at the same time: then it is tried again.
 */
export function attachPartition(image: string, bytes: number, prefix: readonly string[] = []): Partition {
  for (let attempt = 1; ; attempt++) {
    try {
      return attached(image, bytes, prefix)
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
      spawnSync('sleep', ['0.2'])
    }
  }
}

function attached(image: string, bytes: number, prefix: readonly string[]): Partition {
  const disk = run(...prefix, 'losetup', '--find', '--show', image).trim()
  const path = `${disk}p1`
  const name = basename(path)
  const detach = () => {
    // A killed agent may still have it open.
    for (let i = 0; i < ATTEMPTS && existsSync(`/sys/class/block/${name}`); i++) {
      if (spawnSync('delpart', [disk, '1']).status !== 0) spawnSync('sleep', ['0.2'])
    }
    spawnSync('losetup', ['-d', disk])
  }
  try {
    run('addpart', disk, '1', String(FIRST_SECTOR), String(bytes / 512))
    readFileSync(`/sys/class/block/${name}/partition`)
  } catch (error) {
    detach()
    throw error
  }
  return {
    path,
    disk,
    written: () => Number(readFileSync(`/sys/class/block/${name}/stat`, 'utf8').trim().split(/\s+/)[6]) * 512,
    end: detach,
  }
}

function run(...[program = '', ...words]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${[program, ...words].join(' ')}: ${status} ${error?.message ?? ''} ${stderr}`)
  return stdout
}
