// A small file system on a loop device for flash tests: its writes are counted, and it can be cut off, filled or remounted.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { missingPrograms, notRoot } from './unavailable.ts'

const EXT4 = ['mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', '-b'] as const
const MKFS = {
  ext4: [...EXT4, '4096'],
  'ext4-1k': [...EXT4, '1024'],
  xfs: ['mkfs.xfs', '-q', '-f'],
  btrfs: ['mkfs.btrfs', '-q', '-f'],
} as const
export type FileSystem = keyof typeof MKFS

/** The shutdown ioctl `_IOR('X', 125, __u32)` of ext4 and xfs. 2: nothing reaches the device any more, not even the journal. */
const SHUTDOWN = `import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))`

export interface Flash {
  /** The mount point, visible only to programs started with `commandPrefix`. */
  readonly path: string
  /** Goes in front of a command that needs to see the mount point. */
  readonly commandPrefix: readonly string[]
  /** The path of one of its files for this process. */
  at(name: string): string
  /** Runs a command that sees the mount point; throws its stderr if it fails. */
  run(...command: string[]): string
  /** Bytes written to the device so far. */
  written(): number
  /** Writes all dirty pages to the device. */
  sync(): void
  /** Simulates a power cut: nothing more is written to the device. */
  cut(): void
  /** Mounts the content of the device again. Every process that used it must have ended. */
  remount(): void
  end(): void
}

/** Why `startFlash` cannot work on this machine, or null. */
export function noFlash(...kinds: FileSystem[]): string | null {
  return (
    missingPrograms(...kinds.map((kind) => MKFS[kind][0]), 'losetup', 'python3', 'nsenter') ?? notRoot() ?? noLoop()
  )
}

/** The mount is in a namespace of its own: a copy of it in another namespace would keep the file system alive after a cut. */
export async function startFlash(kind: FileSystem, size: string, options = 'defaults'): Promise<Flash> {
  const directory = mkdtempSync(join(tmpdir(), 'gw-flash-'))
  const [image, path] = [join(directory, 'image'), join(directory, 'mnt')]
  mkdirSync(path)
  runCommand('truncate', '-s', size, image)
  runCommand(...MKFS[kind], image)
  // Ends with its owner, even if that is killed; the mount and its loop device end with it.
  const holder = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', 'echo ready; exec sleep infinity']
  const keeper = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...holder])
  await new Promise((resolve) => keeper.stdout.once('data', resolve))
  const commandPrefix = ['nsenter', '-t', String(keeper.pid), '-m', `--wd=${process.cwd()}`, '--']
  const run = (...command: string[]) => runCommand(...commandPrefix, ...command)
  let device = ''
  const mount = () => {
    run('mount', '-t', kind.replace('-1k', ''), '-o', `loop,${options}`, image, path)
    device = run('findmnt', '-n', '-o', 'SOURCE', path).trim()
  }
  mount()
  return {
    path,
    commandPrefix,
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
      run('umount', path)
      mount()
    },
    end() {
      spawnSync('nsenter', [...commandPrefix.slice(1), 'umount', '-l', path])
      keeper.kill('SIGKILL')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function runCommand(...[program = '', ...words]: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${[program, ...words].join(' ')}: ${status} ${error?.message ?? ''} ${stderr}`)
  return stdout
}

function noLoop(): string | null {
  const { status, stderr } = spawnSync('losetup', ['--find'], { encoding: 'utf8' })
  return status === 0 ? null : `no loop devices: ${stderr}`
}
