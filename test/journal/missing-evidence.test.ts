// What is missing because the journal cannot be read: reported only if it is wanted, or was missed, and with what to do.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import { newState, type State, withUnits } from '../../src/core/state.ts'
import { newUnit } from '../../src/core/unit.ts'
import { type JournalAccess, journalAccess } from '../../src/journal/access.ts'
import { createMissingEvidence } from '../../src/journal/missing-evidence.ts'
import { withJournalReplay } from '../../src/journal/replay-source.ts'
import type { UnitSource } from '../../src/ports.ts'
import { BOOT, STREAM } from '../store/sample.ts'

const TO_ALLOW =
  'to allow it, enable the drop-in gatewatch.service.d/journal.conf (install.sh --journal) and restart gatewatch'

/** A state in which a unit has lost this number of runs, and its current run may have ended in a gap. */
function withLost(lost: number): State {
  const unit = newUnit('a.service')
  return withUnits(newState(STREAM), [{ ...unit, tracking: 'interrupted', counters: { ...unit.counters, lost } }])
}

function evidence(crashLogLines: number, access: JournalAccess, explain = false) {
  let state = withLost(3)
  const missing = createMissingEvidence({ crashLogLines, explain, state: () => state, access: () => access })
  return {
    ...missing,
    lose(total: number) {
      state = withLost(total)
    },
  }
}

test('the lines of crashes are missing while the journal must not be read', () => {
  const reason = 'crash events have no log lines (crash_log_lines)'
  expect(evidence(5, 'denied').sentences()).toEqual([`journal: gatewatch may not read it, so ${reason}; ${TO_ALLOW}`])
  expect(evidence(5, 'readable').sentences()).toEqual([])
  expect(evidence(5, 'absent').sentences()).toEqual([
    `journal: this machine stores none, so ${reason}; see Storage= in journald.conf(5)`,
  ])
})

test('evidence of crashes is missing while the journal must not be read, but only if it is wanted', () => {
  const reason = 'crash events have no evidence from it (explain)'
  expect(evidence(0, 'denied', true).sentences()).toEqual([
    `journal: gatewatch may not read it, so ${reason}; ${TO_ALLOW}`,
  ])
  expect(evidence(0, 'readable', true).sentences()).toEqual([])
  expect(evidence(5, 'absent', true).sentences()).toEqual([
    'journal: this machine stores none, so crash events have no log lines (crash_log_lines) and no evidence from it (explain); see Storage= in journald.conf(5)',
  ])
})

test('nothing is reported where nothing is wanted from the journal, and no run was lost in a gap', () => {
  const missing = evidence(0, 'denied')
  expect(missing.sentences()).toEqual([])
  missing.noteUnreadGap()
  expect(missing.sentences()).toEqual([])
})

test('runs that are lost after a gap are reported once, together with the lines of crashes', () => {
  const missing = evidence(0, 'denied')
  missing.noteUnreadGap()
  missing.lose(4)
  missing.noteUnreadGap() // another gap: all its runs were found
  const lost = (what: string) => `journal: gatewatch may not read it, so ${what}; ${TO_ALLOW}`
  expect(missing.sentences()).toEqual([lost('1 run that ended while gatewatch was not connected is counted as lost')])
  const both = evidence(2, 'denied')
  both.noteUnreadGap()
  both.lose(5)
  expect(both.sentences()).toEqual([
    lost(
      'crash events have no log lines (crash_log_lines), and 2 runs that ended while gatewatch was not connected are counted as lost',
    ),
  ])
})

test('a gap is noted if it cannot be looked up in the journal', () => {
  const noted: string[] = []
  let observe: (observation: Observation) => void = () => {}
  const silent = {
    start(given: typeof observe) {
      observe = given
    },
  } as unknown as UnitSource
  const source = withJournalReplay({
    source: silent,
    state: () => withLost(0),
    bootId: BOOT,
    clock: { now: () => ({ monoMs: 0, wallMs: 0 }), after: () => () => {} } as never,
    log: () => {},
    readable: () => false,
    unread: () => noted.push('gap'),
  })
  const passed: string[] = []
  source.start(({ kind }) => passed.push(kind))
  observe({ kind: 'listed', at: { monoMs: 1, wallMs: 1 } } as Observation)
  expect([noted, passed]).toEqual([['gap'], ['listed']])
})

const directory = mkdtempSync(join(tmpdir(), 'gw-journal-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

test('a journal is readable, or absent', () => {
  const at = (...parts: string[]) => join(directory, ...parts)
  mkdirSync(at('empty'))
  mkdirSync(at('run', 'machine'), { recursive: true })
  writeFileSync(at('run', 'machine', 'system.journal'), '')
  expect(journalAccess([at('none'), at('run')])).toBe('readable')
  expect(journalAccess([at('none'), at('empty')])).toBe('absent')
  symlinkSync('nowhere', at('empty', 'machine'))
  expect(journalAccess([at('empty')])).toBe('absent')
})
