// A small file system of its own on a loop device: with counters, that can be cut off, filled, and turned read-only.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingPrograms, notRoot } from './unavailable.ts'

const MKFS = {
  ext4: ['mkfs.ext4', '-q', '-b', '4096', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
  xfs: ['mkfs.xfs', '-q', '-f'],
} as const
export type FileSystem = keyof typeof MKFS

/** `_IOR('X', 125, __u32)`, the same in ext4 and xfs. 2: nothing more reaches the device, the journal included. */
const SHUTDOWN = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))`

export interface Flash {
  /** Where it is mounted: for programs started by `within`, as no other one sees it. */
  readonly path: string
  /** What to put before a command that is to see it. */
  readonly within: readonly string[]
  /** Where this process finds a file of it. */
  at(name: string): string
  /** Runs a command that sees it; throws what it said where it failed. */
  run(...command: string[]): string
  /** Bytes that reached the device so far. */
  written(): number
  /** Writes back all that is dirty. */
  sync(): void
  /** Freezes it as the power does: what is not on the device by now will never be. */
  cut(): void
  /** Mounts again what is on the device. All that used it must have ended. */
  remount(): void
  end(): void
}

/** Why `startFlash` cannot work here, or null. */
export function noFlash(...kinds: FileSystem[]): string | null {
  return (
    missingPrograms(...kinds.map((kind) => MKFS[kind][0]), 'losetup', 'python3', 'nsenter') ?? notRoot() ?? noLoop()
  )
}

/**
 * Its mount is in a namespace of its own: a copy of it in anyone else's would keep the file system alive after a cut.
 */
export async function startFlash(kind: FileSystem, size: string, options = 'defaults'): Promise<Flash> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-flash-'))
  const [image, path] = [join(directory, 'image'), join(directory, 'mnt')]
  mkdirSync(path)
  spoken('truncate', '-s', size, image)
  spoken(...MKFS[kind], image)
  const keeper = spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', 'echo ready; exec sleep 3600'])
  await new Promise((resolve) => keeper.stdout.once('data', resolve))
  const within = ['nsenter', '-t', String(keeper.pid), '-m', `--wd=${process.cwd()}`, '--']
  const run = (...command: string[]) => spoken(...within, ...command)
  let device = ''
  const mount = () => {
    device = spoken('losetup', '--find', '--show', image).trim()
    run('mount', '-t', kind, '-o', options, device, path)
  }
  const umount = () => {
    run('umount', path)
    spoken('losetup', '-d', device)
  }
  mount()
  return {
    path,
    within,
    at: (name) => join('/proc', String(keeper.pid), 'root', path, name),
    run,
    sync: () => void run('sync', '-f', path),
    written() {
      const sectors = readFileSync(`/sys/block/${device.slice(5)}/stat`, 'utf8')
        .trim()
        .split(/\s+/)[6]
      return Number(sectors) * 512
    },
    cut: () => void run('python3', '-c', SHUTDOWN, path),
    remount() {
      umount()
      mount()
    },
    end() {
      spawnSync('nsenter', [...within.slice(1), 'umount', '-l', path])
      spawnSync('losetup', ['-d', device])
      keeper.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function spoken(...[program = '', ...words]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${[program, ...words].join(' ')}: ${status} ${error?.message ?? ''} ${stderr}`)
  return stdout
}

function noLoop(): string | null {
  const { status, stderr } = spawnSync('losetup', ['--find'], { encoding: 'utf8' })
  return status === 0 ? null : `no loop devices: ${stderr}`
}
