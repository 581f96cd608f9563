// Each file system call fails, once or permanently: the store continues, reports it, loses nothing, and recovers.
import { expect, test } from 'vitest'
import { recover } from '../../src/store/recovery.ts'
import { failure, type MemoryFs } from './memory-fs.ts'
import { type MediumKind, onEachMedium, PATH } from './memory-store.ts'
import { crashStep, names } from './sample.ts'
import { runScenario, SCENARIOS, type Scenario, type ScenarioRun } from './scenarios.ts'

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
/** Used in turn; `npm run prove:flash` tries each of them with every call. */
const ERRNOS = ['EIO', 'ENOSPC', 'EROFS', 'EACCES']
const LONG = process.env['GATEWATCH_LONG'] !== undefined

/** Runs the scenario with the fault, then without it; returns how often the operation was called. */
async function runWithFault(scenario: Scenario, on: MediumKind, { errno, op, nth, once }: Fault): Promise<number> {
  let calls = 0
  const run = await runScenario(
    scenario,
    ({ fs }) => {
      fs.fault = (called) => {
        if (called !== op) return undefined
        calls++
        if (once ? calls !== nth : calls < nth) return undefined
        if (errno === 'short') return 1000
        throw failure(errno)
      }
    },
    on,
  )
  const { memory, last: opened } = run
  const { store } = opened
  const final = (run.states.at(-1) as (typeof run.states)[0]).state
  if (store.health().problem !== null) expect(store.committed().units).toEqual(final.units)
  memory.fs.fault = () => undefined
  await memory.clock.go(10 * 60_000)
  if (store.health().problem?.includes('could not be read when gatewatch started')) {
    expectLeftAlone(run, op)
    return calls
  }
  expect(store.health().problem).toBe(null)
  expect(recover(memory.fs.bytes(PATH)).state?.units).toEqual(final.units)
  const count = (words: string) => memory.lines.filter((line) => line.includes(words)).length
  if (!scenario.actions.includes('stop and start'))
    expect(count('write failed') > 0).toBe(count('state: writing works again after') > 0)
  expect(memory.fs.files.has(`${PATH}.new`)).toBe(false)
  const again = crashStep(final, names(1)[0] as string, memory.clock.now().monoMs)
  store.remember(again)
  await store.stop()
  const next = await memory.open()
  expect([next.recovered, next.state.seq]).toEqual(['clean', again.after.seq])
  expect(next.state.units).toEqual(again.after.units)
  return calls
}

/** A partition that could not be read at a start is not written, because it may hold counters. The next start has them. */
function expectLeftAlone({ memory, before, acknowledged }: ScenarioRun, op: Op): void {
  expect(['open', 'pread']).toContain(op)
  const now = recover(memory.fs.bytes(PATH)).state
  if (acknowledged.length <= 1) expect(now?.units).toEqual(recover(before as Buffer).state?.units)
  expect(now).not.toBe(null)
}

let tried = 0

/** Fails each call of `op` in turn. */
async function eachCall(
  scenario: Scenario,
  on: MediumKind,
  op: Op,
  once: boolean,
  errnoOf: (nth: number) => string,
): Promise<void> {
  for (let nth = 1; ; nth++, tried++) {
    const fault = { errno: errnoOf(nth), op, nth, once }
    const calls = await runWithFault(scenario, on, fault).catch((error: Error) => {
      throw new Error(`${JSON.stringify(fault)}: ${error.message}`, { cause: error })
    })
    if (calls < nth) return
  }
}

/** A full ring takes long to read; `npm run prove:flash` includes it. */
const scenarios = Object.entries(SCENARIOS).filter(([name]) => LONG || name !== 'the end of the ring')

test.each(onEachMedium(scenarios))(
  '%s, on a %s',
  async (_, on, scenario) => {
    for (const [i, op] of OPS.entries()) {
      for (const once of [true, false]) {
        if (LONG) for (const errno of ERRNOS) await eachCall(scenario, on, op, once, () => errno)
        else await eachCall(scenario, on, op, once, (nth) => ERRNOS[(nth + i) % ERRNOS.length] as string)
      }
      await eachCall(scenario, on, op, true, () => 'EINTR')
      if (op === 'pwrite' || op === 'pread') await eachCall(scenario, on, op, true, () => 'short')
    }
  },
  1_200_000,
)

test('there were more than 500 faults', () => {
  console.log(`${tried} failing calls: the store continued, reported it and recovered after each`)
  expect(tried).toBeGreaterThan(500)
})
