// Resource usage of units, from files in the layout of the kernel.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
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

test('control groups v2', () => {
  const { root } = tree({
    'cgroup.controllers': 'cpu memory pids\n',
    [`${A}/memory.current`]: '4194304\n',
    [`${A}/cpu.stat`]: 'usage_usec 1250000\nuser_usec 1000000\nsystem_usec 250000\n',
    [`${A}/pids.current`]: '3\n',
  })
  const usage = createCgroupUsage(root).read(group('1')).get('a.service')
  expect(usage).toEqual({ memoryBytes: 4_194_304, cpuSeconds: 1.25, tasks: 3 })
})

test('control groups v1: one hierarchy per controller; values without accounting are null', () => {
  const { root } = tree({
    [`memory/${A}/memory.usage_in_bytes`]: '8192\n',
    [`cpu,cpuacct/${A}/cpuacct.usage`]: '1500000000\n',
    'pids/system.slice/pids.max': 'max\n',
  })
  const usage = createCgroupUsage(root).read(group('1')).get('a.service')
  expect(usage).toEqual({ memoryBytes: 8192, cpuSeconds: 1.5, tasks: null })
})

test('values are read each time, and a new run is read from its own files', () => {
  const { root, put } = tree({ 'cgroup.controllers': '', [`${A}/memory.current`]: '1\n' })
  const groups = createCgroupUsage(root)
  const memory = (run: string) => groups.read(group(run)).get('a.service')?.memoryBytes
  expect(memory('1')).toBe(1)
  put(`${A}/memory.current`, '2\n')
  expect(memory('1')).toBe(2)
  rmSync(join(root, A), { recursive: true })
  put(`${A}/memory.current`, '3\n')
  expect(memory('2')).toBe(3)
  expect(groups.read([]).size).toBe(0)
})

test('a control group that appears shortly after the start of its run is read', () => {
  const { root, put } = tree({ 'cgroup.controllers': '' })
  const groups = createCgroupUsage(root)
  expect(groups.read(group('1')).get('a.service')?.tasks).toBeNull()
  put(`${A}/pids.current`, '7\n')
  expect(groups.read(group('1')).get('a.service')?.tasks).toBe(7)
})
