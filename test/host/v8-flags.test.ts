// The baseline compiler of V8 during the start of the agent and after it, in a process of its own.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const MODULE = join(import.meta.dirname, '../../src/host/v8-flags.ts')

/** Prints whether code that runs often is compiled, during the start and after it. */
const SCRIPT = `
  import { limitV8Memory } from '${MODULE}'
  let startEnds
  globalThis.setTimeout = (callback) => ({ unref() { startEnds = callback } })
  limitV8Memory()
  const isCompiled = new Function('f', 'return %ActiveTierIsSparkplug(f)')
  const isHotCompiled = () => {
    const hot = new Function('n', 'let sum = 0; for (let i = 0; i < n; i++) sum += i; return sum')
    for (let i = 0; i < 1000; i++) hot(1000)
    return isCompiled(hot)
  }
  const during = isHotCompiled()
  startEnds()
  console.log(JSON.stringify([during, isHotCompiled()]))`

it('code that is only hot during the start is not compiled, and code that is hot later is', () => {
  const args = ['--allow-natives-syntax', '--import', 'tsx', '--input-type=module', '-e', SCRIPT]
  expect(JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))).toEqual([false, true])
})
