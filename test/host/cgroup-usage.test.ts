// Resource usage of units, from files in the layout of the kernel.
import { mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createCgroupUsage } from '../../src/host/cgroup-usage.ts'
import { removeDirectory, temporaryDirectory } from '../rig/gatewatch.ts'

function tree(files: Readonly<Record<string, string>>) {
  const root = temporaryDirectory()
  onTestFinished(() => removeDirectory(root))
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  for (const [path, text] of Object.entries(files)) put(path, text)
  return { root, put }
}

const A = 'system.slice/a.service'
const group = (run: string) => [{ unit: 'a.service', run, path: `/${A}` }]

test('control groups v2', async () => {
  const { root } = tree({
    'cgroup.controllers': 'cpu memory pids\n',
    [`${A}/memory.current`]: '4194304\n',
    [`${A}/cpu.stat`]: 'usage_usec 1250000\nuser_usec 1000000\nsystem_usec 250000\n',
    [`${A}/pids.current`]: '3\n',
  })
  const usage = (await createCgroupUsage(root).read(group('1'))).get('a.service')
  expect(usage).toEqual({ memoryBytes: 4_194_304, cpuSeconds: 1.25, tasks: 3 })
})

test('control groups v1: one hierarchy per controller; values without accounting are null', async () => {
  const { root } = tree({
    [`memory/${A}/memory.usage_in_bytes`]: '8192\n',
    [`cpu,cpuacct/${A}/cpuacct.usage`]: '1500000000\n',
    'pids/system.slice/pids.max': 'max\n',
  })
  const usage = (await createCgroupUsage(root).read(group('1'))).get('a.service')
  expect(usage).toEqual({ memoryBytes: 8192, cpuSeconds: 1.5, tasks: null })
})

test('values are read each time, and a new run is read from its own files', async () => {
  const { root, put } = tree({ 'cgroup.controllers': '', [`${A}/memory.current`]: '1\n' })
  const groups = createCgroupUsage(root)
  const memory = async (run: string) => (await groups.read(group(run))).get('a.service')?.memoryBytes
  expect(await memory('1')).toBe(1)
  put(`${A}/memory.current`, '2\n')
  expect(await memory('1')).toBe(2)
  rmSync(join(root, A), { recursive: true })
  put(`${A}/memory.current`, '3\n')
  expect(await memory('2')).toBe(3)
  expect((await groups.read([])).size).toBe(0)
})

test('a control group that appears shortly after the start of its run is read', async () => {
  const { root, put } = tree({ 'cgroup.controllers': '' })
  const groups = createCgroupUsage(root)
  expect((await groups.read(group('1'))).get('a.service')?.tasks).toBeNull()
  put(`${A}/pids.current`, '7\n')
  expect((await groups.read(group('1'))).get('a.service')?.tasks).toBe(7)
})

test('two scrapes at the same time read all groups, let the event loop turn, and leave no file open', async () => {
  const units = Array.from({ length: 120 }, (_, i) => `u${i}.service`)
  const { root } = tree({
    'cgroup.controllers': '',
    ...Object.fromEntries(units.map((unit, i) => [`${unit}/pids.current`, `${i}\n`])),
  })
  const groups = createCgroupUsage(root)
  const all = units.map((unit) => ({ unit, run: '1', path: `/${unit}` }))
  const openFiles = () =>
    readdirSync('/proc/self/fd').filter((fd) => linkOf(`/proc/self/fd/${fd}`).startsWith(root)).length
  let turns = 0
  const turn = () => {
    turns += 1
    next = setImmediate(turn)
  }
  let next = setImmediate(turn)
  const read = await Promise.all([groups.read(all), groups.read(all.slice(0, 60))])
  clearImmediate(next)
  expect(turns).toBeGreaterThanOrEqual(2)
  expect(read.map((usages) => [...usages.values()].map(({ tasks }) => tasks))).toEqual([
    units.map((_, i) => i),
    units.slice(0, 60).map((_, i) => i),
  ])
  expect(openFiles()).toBeGreaterThan(0)
  await groups.read([])
  expect(openFiles()).toBe(0)
})

/** Empty for a file that was closed meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
