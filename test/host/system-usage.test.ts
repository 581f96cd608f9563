// Resource usage of a gateway, from files in the kernel's format and from the real ones.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSystemUsage } from '../../src/host/system-usage.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'

function kernel() {
  const root = temporaryDirectory()
  onTestFinished(() => removeDirectory(root))
  const stat = (line: string) => writeFileSync(join(root, 'stat'), `${line}\ncpu0 1 1 1 1\n`)
  const emmc = (device: string, life: string) => {
    mkdirSync(join(root, 'block', device, 'device'), { recursive: true })
    writeFileSync(join(root, 'block', device, 'device/life_time'), life)
  }
  mkdirSync(join(root, 'block'))
  return { root, stat, emmc, read: createSystemUsage([root], root, root) }
}

test('memory is the part that is not available, CPU the part that was not idle since the previous read', async () => {
  const { root, stat, read } = kernel()
  writeFileSync(join(root, 'meminfo'), 'MemTotal:  1000 kB\nMemFree:  100 kB\nMemAvailable:  250 kB\n')
  stat('cpu  100 0 100 700 100 0 0 0 0 0')
  expect(await read.read(0)).toMatchObject({ memory: 0.75, cpu: 0.2 })
  stat('cpu  400 0 100 750 150 0 0 0 0 0')
  expect((await read.read(999)).cpu).toBe(0.2)
  expect((await read.read(1_000)).cpu).toBe(0.75)
})

test('an eMMC reports the lifetime used of the worse of its two types of cells; an SD card does not', async () => {
  const { emmc, read } = kernel()
  emmc('mmcblk0', '0x01 0x03\n')
  emmc('mmcblk1', '0x00 0x00\n')
  emmc('mmcblk2', '0x0b 0x01\n')
  emmc('sda', '0x01 0x01\n')
  expect((await read.read(0)).flash).toEqual([
    { device: 'mmcblk0', lifeUsed: 0.3 },
    { device: 'mmcblk2', lifeUsed: 1.1 },
  ])
})

test('what cannot be read is null or left out', async () => {
  const nothing = createSystemUsage(['/no/such/path'], '/no/such/proc', '/no/such/sys')
  expect(await nothing.read(0)).toEqual({ memory: null, cpu: null, disks: [], flash: [] })
})

test('on this machine every value is between 0 and 1, and each file system is reported once', async () => {
  const { memory, cpu, disks } = await createSystemUsage(['/', '/etc', '/proc']).read(0)
  for (const part of [memory, cpu, ...disks.map(({ used }) => used)]) {
    expect(part).toBeGreaterThan(0)
    expect(part).toBeLessThan(1)
  }
  expect(disks.map(({ path }) => path)).toEqual(['/'])
})
