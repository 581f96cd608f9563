// The machines for which the layer builds: its rule, run by Python as bitbake would, over the hard-float tunes of OE-core.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')
const CLASS = read('yocto/meta-gatewatch/classes-recipe/gatewatch-target.bbclass')

/** A machine as bitbake's variables describe it. */
interface Machine {
  readonly tune: string
  readonly TARGET_ARCH: string
  readonly HOST_SYS: string
  readonly OVERRIDES: string
  readonly TUNE_FEATURES: string
}

/** Runs the class for each machine: null, or why it is skipped. */
const PYTHON = `
import json, re, sys
class SkipRecipe(Exception): pass
class bb:
    class parse: SkipRecipe = SkipRecipe
class Data:
    def __init__(self, values): self.values = values
    def getVar(self, name): return self.values[name]
given = json.load(sys.stdin)
exec(given["rule"])
def reason(machine):
    if not re.match(given["compatible"], machine["HOST_SYS"]): return "incompatible with host " + machine["HOST_SYS"]
    try: rule(Data(machine))
    except SkipRecipe as skipped: return str(skipped)
print(json.dumps([reason(machine) for machine in given["machines"]]))
`

function reasonsOf(machines: readonly Machine[]): (string | null)[] {
  const compatible = /^COMPATIBLE_HOST = "(.*)"$/m.exec(CLASS)?.[1]
  const rule = /^python \(\) \{\n([\s\S]*?)^\}/m.exec(CLASS)?.[1]
  const input = JSON.stringify({ compatible, rule: `def rule(d):\n${rule}`, machines })
  const { stdout, stderr } = spawnSync('python3', ['-c', PYTHON], { input, encoding: 'utf8' })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}

const host = (arch: string, system: string): Machine => ({
  tune: `${arch}-${system}`,
  TARGET_ARCH: arch,
  HOST_SYS: `${arch}-oe-${system}`,
  OVERRIDES: `linux:${arch}:pn-gatewatch:machine`,
  TUNE_FEATURES: '',
})

describeUnless(missingPrograms('python3'), 'the layer', () => {
  it('builds for each hard-float tune of ARMv7-A and ARMv8-A, and for no other', () => {
    const rows = read('test/yocto/tunes.tsv')
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('#'))
      .map((line) => {
        const [expected = '', tune = '', arch = '', architecture = '', features = ''] = line.split('\t')
        const system = { ...host(arch, 'linux-gnueabi'), tune, TUNE_FEATURES: features }
        return { expected, ...system, OVERRIDES: `linux-gnueabi:${arch}:pn-gatewatch:${architecture}:machine` }
      })
    expect(rows.length).toBe(99)
    const reasons = reasonsOf(rows)
    const found = rows.map(({ tune }, index) => `${reasons[index] === null ? 'build' : 'skip'} ${tune}`)
    expect(found).toEqual(rows.map(({ expected, tune }) => `${expected} ${tune}`))
    expect(reasons[rows.findIndex(({ tune }) => tune === 'armv6hf')]).toMatch(/requires ARMv7-A or newer/)
  })

  it('names soft float as the reason', () => {
    const soft = { ...host('arm', 'linux-gnueabi'), OVERRIDES: 'arm:armv7ve', TUNE_FEATURES: 'arm vfp cortexa7 thumb' }
    expect(reasonsOf([soft])).toEqual([expect.stringContaining('requires hard float')])
  })

  it('builds for arm64 and x86-64 with glibc', () => {
    const compatible = [host('aarch64', 'linux'), host('x86_64', 'linux')]
    expect(reasonsOf(compatible)).toEqual([null, null])
    const others = [
      host('aarch64', 'linux-musl'),
      host('x86_64', 'linux-gnux32'),
      host('aarch64_be', 'linux'),
      host('i686', 'linux'),
    ]
    expect(reasonsOf(others)).toEqual(others.map(({ HOST_SYS }) => `incompatible with host ${HOST_SYS}`))
  })
})
