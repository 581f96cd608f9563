// Power loss after each operation, with every combination of unsynced pages written, lost or torn: the old or the new state.
import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { PAGE_BYTES } from '../../src/store/format/page.ts'
import { type PageReading, readPage, recover, recoverPages } from '../../src/store/recovery.ts'
import { resume } from '../../src/store/resume.ts'
import { imageOf, possibleContentsOf } from './images.ts'
import type { LoggedOp } from './memory-fs.ts'
import { onEachMedium } from './memory-store.ts'
import { freshState } from './sample.ts'
import { LONG_SCENARIOS, runScenario, runScenarioFrom, SCENARIOS, type ScenarioRun } from './scenarios.ts'

/** `npm run prove:flash` also runs scenarios with hundreds of commits. */
const LONG = process.env['GATEWATCH_LONG'] !== undefined

/** A limit against mistakes in the tests: a commit has only a few pages. */
const READINGS_AT_MOST = 100_000

/** Tries all possible contents of flash after each operation. Throws on the first in which an acknowledged state is missing. */
function tryAll({ memory, before, states, acknowledged }: ScenarioRun) {
  return tryLog(memory.fs.log, { before, states, acknowledged }, Number.POSITIVE_INFINITY)
}

function tryLog(log: readonly LoggedOp[], run: Omit<ScenarioRun, 'memory' | 'last'>, atMost: number) {
  const { before, states, acknowledged } = run
  const tried = { contents: 0, readings: 0 }
  for (const { done, contents, readings } of possibleContentsOf(log, before)) {
    tried.contents += contents
    const past = states.slice(0, states.findLastIndex(({ at }) => at <= done) + 1).map(({ state }) => state)
    const least = acknowledged.findLast(({ at }) => at <= done)?.index ?? -1
    let left = atMost
    for (const pages of readings) {
      if (left-- === 0) break
      if (tried.readings++ > READINGS_AT_MOST) throw new Error('too many unsynced pages to try all combinations')
      expectOldOrNew(pages, past, least)
    }
  }
  return tried
}

function expectOldOrNew(pages: readonly PageReading[] | null, states: readonly State[], least: number): void {
  const read = recoverPages(pages ?? [])
  if (read.state === null && least < 0) return
  const key = read.state === null ? 'nothing' : keyOf(read.state)
  const found = states.findLastIndex((state) => keyOf(state) === key)
  if (found < 0 || found < least) throw new Error(`acknowledged state ${least} of ${states.length} is missing: ${key}`)
  const next = resume(read, [], null, freshState(1)(), false)
  expect(next.state.seq).toBeGreaterThanOrEqual((states.at(-1) as State).seq)
}

const keys = new WeakMap<State, string>()

/** Everything that must be recovered. */
function keyOf(state: State): string {
  const known = keys.get(state) ?? JSON.stringify(recovered(state))
  keys.set(state, known)
  return known
}

function recovered({ seq, seqGap, stream, gatewayId, units, forgotten }: State) {
  return [seq, seqGap, stream, gatewayId, units, [...forgotten]]
}

const all = { contents: 0, readings: 0 }

const EACH = Object.entries({ ...SCENARIOS, ...(LONG ? LONG_SCENARIOS : {}) })

test.each(onEachMedium(EACH))(
  '%s, on a %s',
  async (name, on, scenario) => {
    const { contents, readings } = tryAll(await runScenario(scenario, undefined, on))
    console.log(`${name} on a ${on}: ${contents} possible contents of flash, in ${readings} distinct readings`)
    all.contents += contents
    all.readings += readings
  },
  600_000,
)

test('there were more than 3,000 distinct readings', () => {
  console.log(
    `${all.contents.toExponential(1)} crash images in ${all.readings} readings: the old state or the new one in each`,
  )
  expect(all.readings).toBeGreaterThan(3_000)
})

// The largest snapshot has too many readings; `npm run prove:flash` tries it.
const AGAIN = Object.entries(SCENARIOS).filter(([name]) => LONG || name !== 'many more units')

test.each(onEachMedium(AGAIN))(
  'a second power loss, after an agent continued from the first: %s, on a %s',
  async (_, on, scenario) => {
    const { memory, before } = await runScenario(scenario, undefined, on)
    let cuts = 0
    for (const { readings } of possibleContentsOf(memory.fs.log, before)) {
      for (const pages of readings) {
        const image = pages === null ? null : imageOf(pages)
        const again = [{ crash: 0 }, 'commit', { crash: 1 }] as const
        cuts += tryAll(await runScenarioFrom(image, again, scenario.units, undefined, on)).readings
      }
    }
    expect(cuts).toBeGreaterThan(100)
  },
  600_000,
)

test.each(Object.entries(SCENARIOS))('without fdatasync, this test fails: %s', async (_, scenario) => {
  const run = await runScenario(scenario)
  const log = run.memory.fs.log.map((entry) => (entry.op === 'fdatasync' ? { ...entry, ino: 0 } : entry))
  // In the first reading after each operation, everything unsynced is lost.
  expect(() => tryLog(log, run, 1)).toThrow('is missing')
})

test('recovery from single pages is the same as from the file', async () => {
  const { memory } = await runScenario(SCENARIOS['snapshots of several pages'] as (typeof SCENARIOS)[string])
  const bytes = [...memory.fs.files.values()][0]?.bytes ?? Buffer.alloc(0)
  const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, at) =>
    readPage(bytes.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES)),
  )
  expect(recoverPages(pages)).toEqual(recover(bytes))
})
