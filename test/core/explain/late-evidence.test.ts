import { expect, test } from 'vitest'
import { eventJson } from '../../../src/core/views/api-json.ts'
import { at, read, stepAll, watching } from '../step-driver.ts'

const IDENTITY = { gatewayId: 'gw', machineId: 'm', stream: '0123456789abcdef' }

test('late evidence is an event of its own, which names its crash and counts nothing', () => {
  const { state, events } = stepAll(watching('a.service'), [
    read('a.service', 1000, {}),
    { kind: 'evidence', unit: 'a.service', at: at(2000), of: 7, evidence: { fileChangedMs: 61_000 } },
  ])
  expect(events.map((event) => eventJson(event, IDENTITY))).toEqual([
    expect.objectContaining({
      event: 'evidence',
      service: 'a.service',
      of: '0123456789abcdef-7',
      evidence: { file_changed_ms: 61_000 },
      counters: state.units[0]?.counters,
    }),
  ])
})

test('evidence of a unit that is no longer watched is dropped', () => {
  const late = { kind: 'evidence', unit: 'b.service', at: at(2000), of: 7, evidence: {} } as const
  expect(stepAll(watching('a.service'), [late]).events).toEqual([])
})
