// Whether a power loss erases a path: tables of mounts as gateways have them, and real overlays and tmpfs mounts.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mountHolding, parseMounts, storageAt, storageOf } from '../../../src/store/file/mounts.ts'
import { missingPrograms, notRoot } from '../../rig/unavailable.ts'

const MOUNTINFO = `22 1 179:2 / / ro,relatime shared:1 - ext4 /dev/root ro
25 22 0:22 / /run rw,nosuid,nodev shared:5 - tmpfs tmpfs rw,size=50000k,mode=755
31 22 0:29 / /var/volatile rw,relatime shared:12 - tmpfs tmpfs rw
40 22 0:35 / /var/lib rw,relatime - overlay overlay rw,lowerdir=/var/lib,upperdir=/var/volatile/lib,workdir=/var/volatile/.lib-work
41 22 0:36 / /etc rw,relatime - overlay overlay rw,lowerdir=/etc,upperdir=/data/overlay/etc,workdir=/data/overlay/.etc-work
42 22 179:3 / /data rw,relatime shared:20 - ext4 /dev/mmcblk0p3 rw
43 40 179:3 /gatewatch /var/lib/gatewatch rw,relatime shared:21 - ext4 /dev/mmcblk0p3 rw
44 22 0:40 / /mnt/with\\040space rw - tmpfs tmpfs rw
45 22 0:41 / /mnt/over rw - overlay overlay rw,lowerdir=/a,upperdir=/mnt/with\\040space/up\\,per,workdir=/w
46 22 0:42 / /stacked rw - tmpfs tmpfs rw
47 46 179:4 / /stacked rw - ext4 /dev/mmcblk0p4 rw
48 22 0:43 / /cache rw - ramfs ramfs rw
49 22 0:44 / /image rw - overlay overlay ro,lowerdir=/lower
50 22 254:0 / /log rw - ext4 /dev/zram0 rw
51 22 0:45 / /old rw - aufs none rw,si=ab12
52 22 0:46 / /relative rw - overlay overlay rw,lowerdir=l,upperdir=up,workdir=w
this is not a line of mountinfo
`
const mounts = parseMounts(MOUNTINFO)
const ALL_VISIBLE = () => true

test.each([
  ['/etc/gatewatch', '/data', false],
  ['/var/lib/other', '/var/volatile', true],
  ['/var/lib/gatewatch/state.ring', '/var/lib/gatewatch', false],
  ['/var/lib/gatewatch', '/var/lib/gatewatch', false],
  ['/var/lib/gatewatch2', '/var/volatile', true],
  ['/run/gatewatch', '/run', true],
  ['/runner', '/', false],
  ['/mnt/with space/state.ring', '/mnt/with space', true],
  ['/mnt/over/state.ring', '/mnt/with space', true],
  ['/stacked/state.ring', '/stacked', false],
  ['/cache/state.ring', '/cache', true],
  ['/log/state.ring', '/log', true],
  ['/image/x', '/image', false],
  ['/', '/', false],
])('%s is on the mount %s, volatile: %s', (path, point, volatile) => {
  const storage = storageOf(mounts, path, ALL_VISIBLE)
  expect(storage.mount?.point).toBe(point)
  expect(storage.volatile !== null).toBe(volatile)
})

test('a bind mount of an overlay is followed to the directory that it shows', () => {
  const sandboxed = parseMounts(`1 0 8:1 / /data rw - ext4 /dev/sda1 rw
2 0 0:5 /var/lib/gatewatch /var/lib/gatewatch rw - overlay overlay rw,lowerdir=/l,upperdir=/data/up,workdir=/data/work`)
  const seen: string[] = []
  const isVisible = (path: string) => seen.push(path) > 0
  expect(storageOf(sandboxed, '/var/lib/gatewatch/state.ring', isVisible).mount?.point).toBe('/data')
  expect(seen).toEqual(['/data/up/var/lib/gatewatch/state.ring'])
})

test.each([
  ["Raspberry Pi's overlay", '/', 'lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work', '/upper/data'],
  [
    'systemd.volatile=overlay',
    '/',
    'lowerdir=/run/systemd/overlay-sysroot/lower,upperdir=/run/systemd/overlay-sysroot/upper,workdir=/w',
    '/run/systemd/overlay-sysroot/upper',
  ],
  [
    'a container',
    '/',
    'lowerdir=/l,upperdir=/var/lib/docker/overlay2/x/diff,workdir=/w',
    '/var/lib/docker/overlay2/x/diff',
  ],
])('%s, whose upper directory is hidden, is not known to be durable', (_, point, options, upper) => {
  const table = parseMounts(`1 0 0:5 / ${point} rw - overlay overlay rw,${options}`)
  const hidden = storageOf(table, '/var/lib/gatewatch/state.ring', () => false)
  expect(hidden).toEqual({
    mount: null,
    volatile: `is on an overlay (/) whose upper directory ${upper} is hidden and may be in RAM`,
  })
})

test('what cannot be determined is not durable', () => {
  expect(storageOf([], '/x').volatile).toBe('is on no mount that /proc/self/mountinfo shows')
  expect(storageOf(mounts, '/old/x').volatile).toContain('union of directories (aufs)')
  expect(storageOf(mounts, '/relative/x', ALL_VISIBLE).volatile).toContain('upper directory up is hidden')
  const round = parseMounts('1 1 0:1 / / rw - overlay o rw,lowerdir=/l,upperdir=/u,workdir=/w')
  expect(storageOf(round, '/x', ALL_VISIBLE).volatile).toContain('too many overlays')
})

test('of several mounts on one point the last one counts', () => {
  expect(mountHolding(mounts, '/stacked')?.type).toBe('ext4')
  expect(mountHolding(mounts, '/etc/machine-id')?.point).toBe('/etc')
  expect(mountHolding([], '/')).toBeNull()
})

test('on this machine, shared memory is volatile, and a path that does not exist yet belongs to the mount of its directory', () => {
  expect(storageAt('/dev/shm/not/there/yet').volatile).toBe('is on a RAM-backed file system (tmpfs)')
  expect(storageAt('/proc/self').volatile).toBeNull()
})

const SKIP = missingPrograms('unshare', 'mount') ?? notRoot()
const PRINT = `import('${join(import.meta.dirname, '../../../src/store/file/mounts.ts')}')
  .then(({ storageAt }) => console.log(JSON.stringify(storageAt(process.argv[1]).volatile)))`

/** What the code in a mount namespace of its own says after these commands, which may use the directory $D. */
function volatileAfter(commands: string, path: string): string | null {
  const directory = mkdtempSync(join(tmpdir(), 'gw-mounts-'))
  try {
    const node = [process.execPath, '--import', 'tsx', '-e', PRINT, join(directory, path)]
    const script = `set -e; D=${directory}; cd $D; ${commands}; cd "$1"; shift; exec "$@"`
    const { stdout, stderr } = spawnSync(
      'unshare',
      ['-m', '--propagation', 'private', 'sh', '-c', script, 'sh', process.cwd(), ...node],
      { encoding: 'utf8' },
    )
    expect(stderr).toBe('')
    return JSON.parse(stdout) as string | null
  } finally {
    rmSync(directory, { recursive: true })
  }
}

const OVERLAY = 'mount -t overlay overlay -o lowerdir=$D/lower,upperdir=$D/rw/up,workdir=$D/rw/work $D/state'
const DIRECTORIES = 'mkdir -p rw/up rw/work lower state'

describe.skipIf(SKIP !== null)(`real mounts${SKIP === null ? '' : ` (SKIPPED: ${SKIP})`}`, () => {
  test('an overlay on a disk is durable', () => {
    expect(volatileAfter(`${DIRECTORIES}; ${OVERLAY}; touch state/ring`, 'state/ring')).toBeNull()
  })

  test('an overlay on a tmpfs is volatile, and says so', () => {
    const commands = `mkdir rw; mount -t tmpfs none rw; ${DIRECTORIES}; ${OVERLAY}; touch state/ring`
    expect(volatileAfter(commands, 'state/ring')).toContain('RAM-backed file system (tmpfs)')
  })

  test('an overlay whose tmpfs is unmounted or covered is not durable, although its path may exist', () => {
    const mountIt = `mkdir rw; mount -t tmpfs none rw; ${DIRECTORIES}; ${OVERLAY}; touch state/ring`
    expect(volatileAfter(`${mountIt}; umount -l rw`, 'state/ring')).toContain('is hidden and may be in RAM')
    expect(volatileAfter(`${mountIt}; umount -l rw; mkdir -p rw/up`, 'state/ring')).toContain('may be in RAM')
  })

  test('an overlay as the root, with everything below it hidden, is not durable', () => {
    const root = `mkdir rw; mount -t tmpfs none rw; mkdir rw/up rw/work root
      mount -t overlay overlay -o lowerdir=/,upperdir=$D/rw/up,workdir=$D/rw/work root
      for d in proc dev; do mount --rbind /$d root/$d; done
      mkdir -p root$D; touch root$D/ring; cd root; mkdir -p old; pivot_root . old; umount -l old`
    expect(volatileAfter(root, 'ring')).toContain('is on an overlay (/) whose upper directory')
  })
})
