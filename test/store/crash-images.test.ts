// The power goes after any operation, with any part of what was not synced kept, lost or torn: the old state or the new one.
import { expect, test } from 'vitest'
import type { State } from '../../src/core/state.ts'
import { PAGE_BYTES } from '../../src/store/format/page.ts'
import { type PageReading, readPage, recover, recoverPages } from '../../src/store/recovery.ts'
import { resume } from '../../src/store/resume.ts'
import { imageOf, momentsOf } from './images.ts'
import type { LoggedOp } from './memory-fs.ts'
import { freshState } from './sample.ts'
import { LONG_SCENARIOS, runScenario, runScenarioFrom, SCENARIOS, type ScenarioRun } from './scenarios.ts'

/** `npm run prove:flash` tries lives of hundreds of commits as well. */
const LONG = process.env['GATEWATCH_LONG'] !== undefined

/** A commit has a few pages. */
const READINGS_AT_MOST = 100_000

/** Tries every content that flash may have after each operation. Throws on the first that lost what it must not lose. */
function tryAll({ bench, before, states, acknowledged }: ScenarioRun) {
  return tryLog(bench.fs.log, { before, states, acknowledged }, Number.POSITIVE_INFINITY)
}

function tryLog(log: readonly LoggedOp[], lived: Omit<ScenarioRun, 'bench' | 'last'>, atMost: number) {
  const { before, states, acknowledged } = lived
  const tried = { contents: 0, readings: 0 }
  for (const { done, contents, readings } of momentsOf(log, before)) {
    tried.contents += contents
    const past = states.slice(0, states.findLastIndex(({ at }) => at <= done) + 1).map(({ state }) => state)
    const least = acknowledged.findLast(({ at }) => at <= done)?.index ?? -1
    let left = atMost
    for (const pages of readings) {
      if (left-- === 0) break
      if (tried.readings++ > READINGS_AT_MOST) throw new Error('too much lies unsynced at once to try all of it')
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
  if (found < 0 || found < least) throw new Error(`acknowledged state ${least} of ${states.length} is gone: ${key}`)
  const next = resume(read, [], null, freshState(1)(), false)
  expect(next.state.seq).toBeGreaterThanOrEqual((states.at(-1) as State).seq)
}

const keys = new WeakMap<State, string>()

/** All that must come back. */
function keyOf(state: State): string {
  const known = keys.get(state) ?? JSON.stringify([state.seq, state.seqGap, state.stream, state.gatewayId, state.units])
  keys.set(state, known)
  return known
}

const all = { contents: 0, readings: 0 }

test.each(Object.entries({ ...SCENARIOS, ...(LONG ? LONG_SCENARIOS : {}) }))(
  '%s',
  async (name, life) => {
    const { contents, readings } = tryAll(await runScenario(life))
    console.log(`${name}: ${contents} contents of flash, ${readings} of them different to a reader`)
    all.contents += contents
    all.readings += readings
  },
  600_000,
)

test('that was every one of many', () => {
  console.log(
    `${all.contents.toExponential(1)} crash images in ${all.readings} readings: the old state or the new one in each`,
  )
  expect(all.readings).toBeGreaterThan(3_000)
})

// The readings of the largest snapshot are left to `npm run prove:flash`.
const AGAIN = Object.entries(SCENARIOS).filter(([name]) => LONG || name !== 'many more units')

test.each(AGAIN)(
  'a second cut, of an agent that went on after the first: %s',
  async (_, life) => {
    const { bench, before } = await runScenario(life)
    let cuts = 0
    for (const { readings } of momentsOf(bench.fs.log, before)) {
      for (const pages of readings) {
        const image = pages === null ? null : imageOf(pages)
        cuts += tryAll(await runScenarioFrom(image, [{ crash: 0 }, 'commit', { crash: 1 }], life.units)).readings
      }
    }
    expect(cuts).toBeGreaterThan(100)
  },
  600_000,
)

test.each(Object.entries(SCENARIOS))('a program without fdatasync fails this test: %s', async (_, life) => {
  const lived = await runScenario(life)
  const log = lived.bench.fs.log.map((entry) => (entry.op === 'fdatasync' ? { ...entry, ino: 0 } : entry))
  // Nothing kept of what was not synced is the first reading of each moment.
  expect(() => tryLog(log, lived, 1)).toThrow('is gone')
})

test('pages read one by one are the file', async () => {
  const { bench } = await runScenario(SCENARIOS['snapshots of several pages'] as (typeof SCENARIOS)[string])
  const bytes = [...bench.fs.files.values()][0]?.bytes ?? Buffer.alloc(0)
  const pages = Array.from({ length: bytes.length / PAGE_BYTES }, (_, at) =>
    readPage(bytes.subarray(at * PAGE_BYTES, (at + 1) * PAGE_BYTES)),
  )
  expect(recoverPages(pages)).toEqual(recover(bytes))
})
