// How often and how long the journal is read for evidence: a crash storm costs few processes, a core dump takes seconds.
import { expect, test } from 'vitest'
import type { CrashEvent } from '../../../src/core/event.ts'
import { signatureOf } from '../../../src/core/explain/signature.ts'
import { createCrashJournal } from '../../../src/journal/evidence/crash-journal.ts'
import type { JournalEntry } from '../../../src/journal/journal-entry.ts'
import { CRASH as SAMPLE } from '../../cli/samples.ts'
import { testClock } from '../../rig/clock.ts'

const ID = 'b6365141448c4ff2b52cec1bdde3251f'
const CRASH: CrashEvent = {
  ...SAMPLE,
  ...{ unit: 'app.service', invocationId: ID, bootId: 'b', coreDumped: true, evidence: { signature: 'aaaaaaaaaaaa' } },
}
const WITHOUT_CORE: CrashEvent = { ...CRASH, coreDumped: false }
const SIGNATURE = { signature: signatureOf('app.service', CRASH) }
const DUMP: JournalEntry = {
  ...{ MESSAGE_ID: 'fc2e22bc6ee647b6b90729ab34a250b1', _SYSTEMD_UNIT: 'systemd-coredump@1-2-0.service', _BOOT_ID: 'b' },
  ...{ COREDUMP_UNIT: 'app.service', COREDUMP_PID: '7', MESSAGE: '' },
}

function rig(answers: (readonly JournalEntry[] | null)[], access: 'readable' | 'denied' = 'readable') {
  const clock = testClock()
  const readAtMs: number[] = []
  const reader = {
    async readCrash() {
      readAtMs.push(clock.now().monoMs - 10_000)
      const entries = answers.length > 1 ? answers.shift() : answers[0]
      return entries === null || entries === undefined ? null : { entries, lines: [] }
    },
  }
  return { clock, readAtMs, journal: createCrashJournal({ reader, access: () => access, clock }) }
}

test('a core dump that is recorded late is awaited', async () => {
  const { clock, readAtMs, journal } = rig([[], [], [DUMP]])
  const found = journal.evidenceOf(CRASH, 7)
  await clock.go(20_000)
  expect(await found).toEqual({ coredump: { frames: [] }, ...SIGNATURE })
  expect(readAtMs).toEqual([0, 1000, 3000])
})

test('a core dump that is never recorded is given up after eight seconds', async () => {
  const { clock, readAtMs, journal } = rig([[]])
  const found = journal.evidenceOf(CRASH, 7)
  await clock.go(20_000)
  expect(await found).toEqual(SIGNATURE)
  expect(readAtMs).toEqual([0, 1000, 3000, 8000])
  expect(clock.pending()).toBe(0)
})

test('a crash without a core dump is read once', async () => {
  const { readAtMs, journal } = rig([[]])
  await journal.evidenceOf(WITHOUT_CORE, 7)
  expect(readAtMs).toEqual([0])
})

test('in a crash storm the rest goes without, which is reported', async () => {
  const { clock, readAtMs, journal } = rig([[]])
  expect(journal.notes()).toEqual([])
  const all = await Promise.all(Array.from({ length: 50 }, () => journal.evidenceOf(WITHOUT_CORE, 7)))
  expect(all.filter((found) => found !== null).length).toBe(10)
  expect(readAtMs.length).toBe(10)
  expect(journal.notes()).toEqual([
    'journal: 40 crashes since the start of gatewatch without evidence from the journal: too many at once, or journalctl failed',
  ])
  await clock.go(10_000)
  expect(await journal.evidenceOf(WITHOUT_CORE, 7)).not.toBeNull()
})

test('nothing is run while the journal must not be read', async () => {
  const { readAtMs, journal } = rig([[]], 'denied')
  expect(await journal.evidenceOf(CRASH, 7)).toBeNull()
  expect([readAtMs, journal.notes()]).toEqual([[], []])
})

test('a stop ends the wait for a core dump', async () => {
  const { clock, journal } = rig([[]])
  const found = journal.evidenceOf(CRASH, 7)
  await clock.go(500)
  journal.stop()
  expect(await found).toEqual(SIGNATURE)
  expect(clock.pending()).toBe(0)
})
