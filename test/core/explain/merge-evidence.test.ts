// Late evidence becomes part of its crash in every view, and one event's evidence has a limit.
import { describe, expect, test } from 'vitest'
import type { CrashEvent, Event, EvidenceEvent } from '../../../src/core/event.ts'
import { type Evidence, evidenceJson } from '../../../src/core/explain/evidence.ts'
import {
  combined,
  EVIDENCE_AT_MOST_BYTES,
  mergeEvidence,
  withinLimit,
} from '../../../src/core/explain/merge-evidence.ts'
import { ZERO } from '../../../src/core/unit.ts'

const common = {
  unit: 'a.service',
  counters: ZERO,
  atMs: 1000,
  bootId: 'b',
  source: 'signal',
  clockSynced: true,
} as const

const crash = (seq: number, evidence?: Evidence): CrashEvent => ({
  ...common,
  kind: 'crash',
  seq,
  fromState: 'active',
  toState: 'failed',
  subState: 'failed',
  result: 'signal',
  exitCode: null,
  signal: 'SIGSEGV',
  coreDumped: true,
  invocationId: null,
  requested: false,
  willRestart: true,
  ...(evidence && { evidence }),
})

const late = (seq: number, of: number, evidence: Evidence): EvidenceEvent => ({
  ...common,
  kind: 'evidence',
  seq,
  of,
  evidence,
})

const evidenceOf = (events: readonly Event[], seq: number) =>
  events.flatMap((event) => (event.kind === 'crash' && event.seq === seq ? [event.evidence] : []))[0]

describe('merged events', () => {
  test('show a crash with what an evidence event added, and keep that event', () => {
    const coredump = { frames: ['main (app + 0x1)'] }
    const events = [
      crash(1, { ranMs: 5, signature: 'aaaaaaaaaaaa' }),
      crash(2),
      late(3, 1, { coredump, signature: 'bbbbbbbbbbbb' }),
    ]
    const merged = mergeEvidence(events, new Map())
    expect(evidenceOf(merged, 1)).toEqual({ ranMs: 5, coredump, signature: 'bbbbbbbbbbbb' })
    expect(merged.slice(1)).toEqual(events.slice(1))
  })

  test('show what is kept of a crash whose event on flash is shorter', () => {
    const merged = mergeEvidence([crash(7, { ranMs: 5 })], new Map([[7, { ranMs: 5, statusText: 'Serving' }]]))
    expect(evidenceOf(merged, 7)).toEqual({ ranMs: 5, statusText: 'Serving' })
  })

  test('name the unit that the late event proves', () => {
    const because = { unit: 'b.service', relation: 'BindsTo' }
    expect(mergeEvidence([crash(1), { ...late(2, 1, {}), because }], new Map())[0]).toMatchObject({ because })
  })

  test('name it of a stop and of a lost run, too, and not as one that is only close in time', () => {
    const because = { unit: 'b.service', relation: 'PartOf' }
    const proven = { ...late(9, 1, {}), because }
    const close = (unit: string) => ({ unit, event: 'stop', ms: 4 }) as const
    const stop = { ...crash(1), kind: 'stop', after: close('b.service') } as unknown as Event
    const lost = { ...common, kind: 'lost', seq: 1, invocationId: null, after: close('c.service') } as const
    const merged = (end: Event) => mergeEvidence([end, proven, late(10, 1, {})], new Map())[0]
    expect(merged(stop)).toMatchObject({ kind: 'stop', because })
    expect(merged(stop)).not.toHaveProperty('after')
    expect(merged(lost)).toMatchObject({ kind: 'lost', because, after: close('c.service') })
    expect(merged({ ...crash(1), after: close('b.service') })).not.toHaveProperty('evidence')
  })

  test('are the same array if there is nothing to add', () => {
    const events = [crash(1), crash(2)]
    expect(mergeEvidence(events, new Map([[9, { ranMs: 1 }]]))).toBe(events)
  })
})

test('memory is one part: a peak that is read late replaces the last reading and keeps the limit', () => {
  const { memory } = combined({ memory: { limit: 100, lastSeen: 40 } }, { memory: { peak: 99 } })
  expect(memory).toEqual({ limit: 100, peak: 99 })
})

describe('the limit of one event', () => {
  const bytes = (evidence: Evidence) => Buffer.byteLength(JSON.stringify(evidenceJson(evidence)))
  const frames = Array.from({ length: 8 }, (_, i) => `${'ü'.repeat(150)}${i} (app + 0x1)`)

  test('drops the lowest frames first', () => {
    const fitting = withinLimit({ ranMs: 1, statusText: 'Serving', coredump: { signal: 'SIGSEGV', frames } })
    expect(bytes(fitting)).toBeLessThanOrEqual(EVIDENCE_AT_MOST_BYTES)
    expect(fitting.statusText).toBe('Serving')
    expect(fitting.coredump?.frames).toEqual(frames.slice(0, fitting.coredump?.frames.length))
    expect(fitting.coredump?.frames.length).toBeGreaterThan(3)
  })

  test('then cuts the status text, and keeps the topmost frame', () => {
    const fitting = withinLimit({ statusText: '€'.repeat(5000), coredump: { frames } })
    expect(bytes(fitting)).toBeLessThanOrEqual(EVIDENCE_AT_MOST_BYTES)
    expect(fitting.statusText).toMatch(/^€+…$/)
    expect(fitting.coredump?.frames).toEqual(frames.slice(0, 1))
  })

  test('gives up a single frame that is too long', () => {
    const fitting = withinLimit({ ranMs: 1, statusText: '…', coredump: { frames: ['x'.repeat(3000)] } })
    expect(fitting).toEqual({ ranMs: 1 })
  })
})
