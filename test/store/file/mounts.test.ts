import { expect, test } from 'vitest'
import { isVolatile, mountOf, mountOfPath, parseMounts } from '../../../src/store/file/mounts.ts'

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
this is not a line of mountinfo
`
const mounts = parseMounts(MOUNTINFO)

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
  ['/image/x', '/image', false],
  ['/', '/', false],
])('%s is on the mount %s, volatile: %s', (path, point, volatile) => {
  expect(mountOf(mounts, path)?.point).toBe(point)
  expect(isVolatile(mountOf(mounts, path))).toBe(volatile)
})

test('a cycle of overlays yields no mount', () => {
  const round = parseMounts('1 1 0:1 / / rw - overlay o rw,lowerdir=/l,upperdir=/u,workdir=/w')
  expect(mountOf(round, '/x')).toBe(null)
})

test('on this machine, shared memory is volatile, and a path that does not exist yet belongs to the mount of its directory', () => {
  expect(isVolatile(mountOfPath('/dev/shm/not/there/yet'))).toBe(true)
  expect(isVolatile(mountOfPath('/proc/self'))).toBe(false)
})
