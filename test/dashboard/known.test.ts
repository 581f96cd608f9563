// How messages of the live stream change what the page knows.
import { expect, test } from 'vitest'
import type { StatusView } from '../../src/core/views/api-views.ts'
import type { ApiEvent } from '../../src/dashboard/api-types.ts'
import { withEvidenceMerged, withState } from '../../src/dashboard/known.ts'

const BECAUSE = { unit: 'b.service', relation: 'BindsTo' }

function event(seq: number, fields: Partial<ApiEvent>): ApiEvent {
  return { id: `s-${seq}`, seq, event: 'crash', ...fields }
}

test('evidence that arrives later becomes part of its crash and is not an event of its own', () => {
  const start = event(1, { event: 'start' })
  const crash = event(2, { evidence: { ran_ms: 5 } })
  const late = event(3, { event: 'evidence', of: 's-2', evidence: { same_cause_24h: 2 } })
  const later = event(4, {
    event: 'evidence',
    of: 's-2',
    because: BECAUSE,
    evidence: { coredump: { frames: ['main'] } },
  })
  const ofNone = event(5, { event: 'evidence', of: 's-0', evidence: { ran_ms: 1 } })
  expect(withEvidenceMerged([start, crash, late, later, ofNone])).toEqual([
    start,
    { ...crash, because: BECAUSE, evidence: { ran_ms: 5, same_cause_24h: 2, coredump: { frames: ['main'] } } },
  ])
  expect(withEvidenceMerged([start, crash])).toEqual([start, crash])
})

test('a state replaces that of its unit; only a failed unit has given up', () => {
  const counters = { starts: 1, stops: 0, crashes: 0, restarts: 0, lost: 0 }
  const unit = { load_state: 'loaded', flapping: false, counters, last_crash: null }
  const failed = {
    ...unit,
    service: 'a.service',
    active_state: 'failed',
    sub_state: 'failed',
    since: null,
    gave_up: true,
  }
  const other = { ...failed, service: 'b.service' }
  const status: StatusView = { units: [failed, other] }
  const starting = { active_state: 'activating', sub_state: 'start', since: '2026-11-20T10:00:00.000Z' }
  expect(withState(status, { service: 'a.service', ...starting }).units).toEqual([
    { ...failed, ...starting, gave_up: false },
    other,
  ])
  const again = { active_state: 'failed', sub_state: 'failed', since: null }
  expect(withState(status, { service: 'b.service', ...again }).units).toEqual([failed, other])
  expect(withState(status, { service: 'c.service', ...starting })).toEqual(status)
})
