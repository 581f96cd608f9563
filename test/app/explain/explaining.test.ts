// Whose log lines an explanation may show: none while neither explain nor crash_log_lines is on.
import { expect, test } from 'vitest'
import { createExplaining } from '../../../src/app/explain/explaining.ts'
import { crash } from '../../core/explain/explained.ts'
import { testClock } from '../../rig/clock.ts'

test.each([
  ['neither explain nor crash_log_lines is on', { explain: false, crash_log_lines: 0 }, {}],
  ['the run has no id', { explain: true, crash_log_lines: 0 }, { invocationId: null }],
  [
    'the id of the run is not one of systemd',
    { explain: true, crash_log_lines: 5 },
    { invocationId: '--file=/etc/shadow' },
  ],
])('no journal is read if %s', async (_, config, more) => {
  const clock = testClock()
  const { fromJournal } = createExplaining(
    () => config,
    clock,
    () => {},
  )
  expect(await fromJournal(crash('a.service', 1, more))).toEqual({ log: null, evidence: {} })
  expect(clock.pending()).toBe(0)
})

test('lines that belong to the event are shown without reading the journal', async () => {
  const { fromJournal, sources } = createExplaining(
    () => ({ explain: false, crash_log_lines: 3 }),
    testClock(),
    () => {},
  )
  const shown = await fromJournal(crash('a.service', 1, { log: ['a line'] }))
  expect(shown).toEqual({ log: ['a line'], evidence: {} })
  expect(sources().explain).toBe(false)
})
