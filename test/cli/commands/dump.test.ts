// gatewatch dump: the content of a state file as JSON.
import { expect, test } from 'vitest'
import { dump } from '../../../src/cli/commands/dump.ts'
import { fakeStateFile, recordingConsole } from '../fake-agent.ts'
import { EVENTS, IDENTITY, STORED } from '../samples.ts'

test('dump shows the complete content of a state file', async () => {
  const out = recordingConsole()
  expect(await dump('a.ring', fakeStateFile(STORED), out)).toBe(0)
  const whole = JSON.parse(out.out())
  expect(whole).toMatchObject({
    file: 'a.ring',
    written_at: '2026-11-20T12:00:00.000Z',
    stream: IDENTITY.stream,
    seq: 0,
  })
  expect(whole.units).toHaveLength(12)
  expect(whole.units[0].history).toEqual({ days: [], signatures: [] })
  expect(whole.events).toHaveLength(EVENTS.length)
  await expect(dump('b.ring', fakeStateFile(null), out)).rejects.toThrow('b.ring: no such file')
})
