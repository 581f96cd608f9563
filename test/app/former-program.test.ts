// The first start after the former program: what is imported from its file, and what is reported if it cannot be.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { createFirstState } from '../../src/app/former-program.ts'
import { stateFor } from '../../src/app/offline-state.ts'
import { FORMER_STATES } from '../../src/config/paths.ts'
import { shownCounters } from '../../src/core/unit.ts'
import { stateOf } from '../cli/samples.ts'
import { loadText } from '../config/load-text.ts'
import { testClock } from '../rig/clock.ts'

const directory = mkdtempSync(join(tmpdir(), 'gatewatch-former-'))
afterAll(() => rmSync(directory, { recursive: true }))
const file = join(directory, 'service_states.json')
const FRESH = stateOf()

const FORMER = {
  'mosquitto.service': { last_state: 'active', starts: 9, stops: 5, crashes: 4, logged_unloaded: false },
  'sink@1': { last_state: 'active', starts: 2, stops: 0, crashes: 0 },
  'other.service': { last_state: 'inactive', starts: 1, stops: 1, crashes: 0 },
}

async function firstState(config: object, named: string | null = file, user = false) {
  const { config: loaded } = await loadText(JSON.stringify({ monitored_services: ['mosquitto', 'sink@*'], ...config }))
  const lines: string[] = []
  const log = (level: string, message: string) => void lines.push(`${level}: ${message}`)
  const { state, note } = createFirstState({ config: loaded, named, user, clock: testClock(), log })(FRESH)
  return { state, note, lines }
}

test('the counters of watched units become their baseline, without the stops that were crashes', async () => {
  writeFileSync(file, JSON.stringify(FORMER))
  const { state, note, lines } = await firstState({})
  expect(state.units.map((unit) => [unit.name, shownCounters(unit)])).toEqual([
    ['mosquitto.service', { starts: 9, stops: 1, crashes: 4, restarts: 0, lost: 0 }],
    ['sink@1.service', { starts: 2, stops: 0, crashes: 0, restarts: 0, lost: 0 }],
  ])
  expect(state.formerImported).toBe(true)
  expect(note).toBe(`imported the counters of 2 units of the former program from ${file}`)
  expect(lines).toEqual([
    `info: ${file}: subtracted 4 stops: the former program counted each crash as a stop as well`,
    `info: first start: ${note}`,
    `warning: not imported, because they are not watched: other.service; to import them too, add them to monitored_services and run: gatewatch import ${file}`,
  ])
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(FORMER)
})

test.each([
  ['import_former is false', { import_former: false }, file, false],
  ['it is the systemd of a user', {}, null, true],
  ['there is no such file', {}, `${file}.absent`, false],
])('nothing is imported or logged if %s', async (_, config, named, user) => {
  writeFileSync(file, JSON.stringify(FORMER))
  expect(await firstState(config, named, user)).toEqual({ state: FRESH, note: null, lines: [] })
})

test('--no-import switches it off', async () => {
  expect((await loadText(null, {}, 'run --no-import')).config.import_former).toBe(false)
})

test("a persistence_file in the former program's own directory is imported, and the state is in the default file", async () => {
  const { config, paths, notes } = await loadText(`{"persistence_file": "${FORMER_STATES}"}`)
  const where = stateFor(config.persistence_file, paths)
  expect(where).toEqual({ path: '/var/lib/gatewatch/state.ring', former: FORMER_STATES })
  expect(notes).toEqual([
    'persistence_file belongs to the former program and is not changed; the state is in /var/lib/gatewatch/state.ring',
  ])
})

describe('a file that cannot be imported is one warning with the command to run', () => {
  test.each<[string, () => unknown]>([
    ['is not JSON', () => writeFileSync(file, '{"mosquitto.service": {"sta')],
    ['contains no unit', () => writeFileSync(file, '{}')],
    ['it is a pipe, not a regular file', () => execFileSync('mkfifo', [file])],
    [
      'it is larger than 1 MiB',
      () => {
        writeFileSync(file, '{')
        truncateSync(file, 1_048_577)
      },
    ],
  ])('%s', async (why, prepare) => {
    rmSync(file, { force: true })
    prepare()
    const { state, note, lines } = await firstState({})
    rmSync(file, { force: true })
    expect(state).toBe(FRESH)
    expect(note).toContain(why)
    expect(lines).toEqual([`warning: ${note}; counting starts from 0. To add them later: gatewatch import ${file}`])
  })
})
