// Any one call of the file system fails, or all from it on: the agent goes on, shows it, loses nothing, and heals.
import { expect, test } from 'vitest'
import { recover } from '../../src/store/recovery.ts'
import { failure, type MemoryFs } from './memory-fs.ts'
import { PATH } from './memory-store.ts'
import { crashStep, names } from './sample.ts'
import { runScenario, SCENARIOS, type Scenario } from './scenarios.ts'

type Op = Parameters<MemoryFs['fault']>[0]

interface Fault {
  readonly errno: string
  readonly op: Op
  readonly nth: number
  readonly once: boolean
}

const OPS: readonly Op[] = [
  ...(['open', 'create', 'pread', 'pwrite', 'fdatasync', 'fsyncDir', 'rename', 'unlink', 'mkdir', 'chown'] as const),
]
/** One after the other; `npm run prove:flash` tries each with every call. */
const ERRNOS = ['EIO', 'ENOSPC', 'EROFS', 'EACCES']
const LONG = process.env['GATEWATCH_LONG'] !== undefined

/** Lives with the fault, then heals; returns how often the call was made. */
async function lifeWith(life: Scenario, { errno, op, nth, once }: Fault): Promise<number> {
  let calls = 0
  const lived = await runScenario(life, ({ fs }) => {
    fs.fault = (called) => {
      if (called !== op) return undefined
      calls++
      if (once ? calls !== nth : calls < nth) return undefined
      if (errno === 'short') return 1000
      throw failure(errno)
    }
  })
  const { bench, last: opened } = lived
  const { store } = opened
  const final = (lived.states.at(-1) as (typeof lived.states)[0]).state
  if (store.health().problem !== null) expect(store.committed().units).toEqual(final.units)
  bench.fs.fault = () => undefined
  await bench.clock.go(10 * 60_000)
  expect(store.health().problem).toBe(null)
  expect(recover(bench.fs.bytes(PATH)).state?.units).toEqual(final.units)
  const count = (words: string) => bench.lines.filter((line) => line.includes(words)).length
  if (!life.actions.includes('stop and start'))
    expect(count('cannot be written') > 0).toBe(count('state: back after') > 0)
  expect(bench.fs.files.has(`${PATH}.new`)).toBe(false)
  const again = crashStep(final, names(1)[0] as string, bench.clock.now().monoMs)
  store.remember(again)
  await store.stop()
  const next = await bench.open()
  expect([next.recovered, next.state.seq]).toEqual(['clean', again.after.seq])
  expect(next.state.units).toEqual(again.after.units)
  return calls
}

let tried = 0

/** Every call of `op` in turn, until there is no other. */
async function eachCall(life: Scenario, op: Op, once: boolean, errnoOf: (nth: number) => string): Promise<void> {
  for (let nth = 1; ; nth++, tried++) {
    const fault = { errno: errnoOf(nth), op, nth, once }
    const calls = await lifeWith(life, fault).catch((error: Error) => {
      throw new Error(`${JSON.stringify(fault)}: ${error.message}`, { cause: error })
    })
    if (calls < nth) return
  }
}

/** A full ring takes long to read. */
const lives = Object.entries(SCENARIOS).filter(([name]) => LONG || name !== 'the end of the ring')

test.each(lives)(
  '%s',
  async (_, life) => {
    for (const [i, op] of OPS.entries()) {
      for (const once of [true, false]) {
        if (LONG) for (const errno of ERRNOS) await eachCall(life, op, once, () => errno)
        else await eachCall(life, op, once, (nth) => ERRNOS[(nth + i) % ERRNOS.length] as string)
      }
      await eachCall(life, op, true, () => 'EINTR')
      if (op === 'pwrite' || op === 'pread') await eachCall(life, op, true, () => 'short')
    }
  },
  1_200_000,
)

test('that was every call of each', () => {
  console.log(`${tried} faults: gone on, shown, and healed after each`)
  expect(tried).toBeGreaterThan(500)
})
