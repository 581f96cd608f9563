// State files of version 0.1.0 and of this version: each reads the pages of the other.
import { expect, test } from 'vitest'
import type { EvidenceEvent } from '../../../src/core/event.ts'
import { newState, withUnits } from '../../../src/core/state.ts'
import { step } from '../../../src/core/step.ts'
import { newUnit, type Unit } from '../../../src/core/unit.ts'
import { type ByteReader, createByteReader } from '../../../src/store/format/bytes.ts'
import { createPageBuilder, readPayload } from '../../../src/store/format/page-records.ts'
import { applyPayloads } from '../../../src/store/recovery.ts'
import { BOOT, busyHistory, busyUnit, crashOf, id, STREAM } from '../sample.ts'

const HEAD = {
  ...{ stream: STREAM, gatewayId: 'gw-7', machineId: null, bootId: BOOT, bootedAtMs: null, formerImported: false },
  ...{ seq: 7, clearedSeq: 0, seqGap: 0, reserved: 9, acknowledged: 3, published: [], clean: false, budget: null },
}

/** What 0.1.0 wrote for a.service in ExecStopPost= of a crash: the header, the name, the unit. */
const WRITTEN_BY_0_1_0 = Buffer.from(
  '012c0109040123456789abcdef0205000709030003050467772d3704110111111111222233334444555555555555020a09612e736572766963' +
    '65034a01010002050300020200040340020005110100000000000000000000000000000007060d0302f4030680e0d9dafe32014d070f071803' +
    '01003f01010107010202e80708034b5304090110',
  'hex',
)
const RUN = { id: id(7), openedAtMonoMs: 500, openedAtMs: 1_752_000_000_000, job: 77 }
const SETTINGS = { loadState: 'loaded', restart: 'on-failure', enabled: true }

test('a unit of version 0.1.0 is read: no request and no bad Result is known of its run', () => {
  const payload = readPayload(WRITTEN_BY_0_1_0, 0)
  const expected: Unit = {
    ...newUnit('a.service'),
    snapshot: {
      ...{ activeState: 'deactivating', subState: 'stop-post', invocationId: id(7), job: 0, result: 'exit-code' },
      ...{ mainCode: 1, mainStatus: 7, mainPid: 0, nRestarts: 2, changedAtMonoMs: 1000, frozen: false },
    },
    settings: { ...SETTINGS, restartForced: false, restartPrevented: false, wasActive: true, startedBy: [] },
    tracking: 'continuous',
    run: { ...RUN, requested: false, badResult: null, startObserved: false, firstOfBoot: false },
    runIds: [id(7)],
    counters: { starts: 3, stops: 0, crashes: 2, restarts: 2, lost: 0 },
    failures: { signal: { unrequested: 2, requested: 0 } },
  }
  const none = { keepsHistories: false, forgotten: new Map(), events: [], leftOut: [] }
  expect(payload).toEqual({ head: HEAD, units: [expected], ...none })
})

test('settings from a file, which has not all of them, are unknown until they are read from systemd', () => {
  const payload = readPayload(WRITTEN_BY_0_1_0, 0)
  const units = payload === null ? [] : applyPayloads(null, 'snapshot', [payload]).units
  const loaded = { ...withUnits(newState(STREAM), units), bootId: BOOT }
  for (const bootId of [BOOT, 'another boot']) {
    const { state } = step(loaded, { kind: 'boot', at: { monoMs: 5000, wallMs: 1 }, bootId })
    expect(state.units[0]).toMatchObject({ settingsStale: true, triggered: null, tracking: 'interrupted' })
  }
})

/** The fields of a unit that 0.1.0 knew, read as it did: it skipped the rest of a field, and fields 17 and up. */
function readAsBy_0_1_0(bytes: Uint8Array) {
  const from = createByteReader(bytes)
  const found: { run?: unknown; settings?: unknown; records: number[]; tags: number[]; eventKinds: number[] } = {
    records: [],
    tags: [],
    eventKinds: [],
  }
  const eventTags = new Set<number>()
  const readUnit = (unit: ByteReader) =>
    unit.fields((tag) => {
      found.tags.push(tag)
      if (tag === 6)
        found.run = { id: unit.id(id(3)), openedAtMonoMs: unit.num(), openedAtMs: unit.num(), job: unit.num() }
      else if (tag === 8) {
        const [loadState, restart, flags] = [unit.word(), unit.word(), unit.u8()]
        found.settings = { loadState, restart, forced: flags & 1, prevented: flags & 2, enabled: flags & 4 }
      }
    })
  from.fields((record) => {
    found.records.push(record)
    if (record === 3) readUnit(from)
    else if (record === 4)
      from.fields((tag) => {
        eventTags.add(tag)
        if (tag === 1) found.eventKinds.push(from.u8())
      })
  })
  return { ...found, eventTags: [...eventTags].sort((a, b) => a - b) }
}

const IDENTITY_CHANGED = {
  kind: 'identity_changed',
  unit: null,
  counters: null,
  ...{ seq: 6, atMs: 1_752_000_000_006, bootId: BOOT, source: 'reconcile' as const, clockSynced: true },
  ...{ formerMachineId: id(1), machineId: id(2), formerGatewayId: id(1), gatewayId: id(2) },
} as const

test('version 0.1.0 reads a unit of this version: the new values come after those that it knew', () => {
  const unit = busyUnit('a.service')
  const page = createPageBuilder()
  page.head(HEAD)
  const settings = unit.settings && { ...unit.settings, wasActive: false, startedBy: ['a.timer'] }
  page.unit({ ...unit, settings, startJobsFailed: { dependency: 2 }, goneSinceMonoMs: 5, unloadedSinceMonoMs: -7 })
  page.history('a.service', { ...busyHistory('a.service'), whole: true, removed: ['0123456789ab'] })
  page.forgotten('sink@.service', unit.counters)
  const counters = unit.counters
  const refused = { ...crashOf('a.service', 4), kind: 'start_refused', result: 'dependency', counters } as const
  page.event(refused)
  const because = { unit: 'b.service', relation: 'BindsTo' }
  page.event({ ...crashOf('a.service', 5), because, after: { unit: 'c.service', event: 'stop', ms: 70 } })
  page.event(IDENTITY_CHANGED)
  page.event({ ...refused, kind: 'evidence', of: 5, evidence: { signature: '0123456789ab' } } as EvidenceEvent)
  const { run, settings: known, records, tags, eventKinds, eventTags } = readAsBy_0_1_0(page.bytes())
  expect(run).toEqual({ id: id(3), openedAtMonoMs: 86_400_123.456, openedAtMs: 1_752_000_000_000, job: 77 })
  expect(known).toEqual({ loadState: 'loaded', restart: 'on-failure', forced: 0, prevented: 2, enabled: 0 })
  expect(tags.filter((tag) => tag > 16)).toEqual([17, 18])
  expect(records.filter((record) => record > 5)).toEqual([7, 6])
  expect(eventKinds).toEqual([12, 4, 13, 14]) // 0.1.0 knew the kinds up to 11, and skips others
  expect(eventTags.filter((tag) => tag > 7)).toEqual([8, 9, 10])
})

test('version 0.1.0 skips what was appended to the header', () => {
  const page = createPageBuilder()
  const names = { status: 'former', prefix: 'gatewatch', gatewayId: 'gw-6', discoveryPrefix: 'homeassistant' } as const
  const known = { ...HEAD, machineId: id(9), formerImported: true, bootedAtMs: 1_752_000_000_000, clearedSeq: 5 }
  const head = {
    ...known,
    budget: { bytes: -1_234, reserve: 7 },
    published: [names, { ...names, status: 'current', gatewayId: 'gw-7' } as const],
  }
  page.head(head)
  expect(readPayload(page.bytes())?.head).toEqual(head)
  const tags: number[] = []
  const from = createByteReader(page.bytes())
  from.fields(() => from.fields((tag) => void tags.push(tag)))
  expect(tags).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 10]) // it knew 1 to 4
})

test('what was appended is read again: the request, the bad Result, never started, failed start jobs, what is forgotten', () => {
  const unit = busyUnit('a.service')
  const page = createPageBuilder()
  page.head(HEAD)
  const settings = unit.settings && { ...unit.settings, wasActive: false }
  page.unit({ ...unit, settings, startJobsFailed: { dependency: 2, 'start-limit-hit': 1 }, unloadedSinceMonoMs: -7 })
  page.forgotten('sink@.service', unit.counters)
  const read = readPayload(page.bytes())
  expect(read?.forgotten).toEqual(new Map([['sink@.service', unit.counters]]))
  expect(read?.units[0]).toMatchObject({
    unloadedSinceMonoMs: -7,
    run: { requested: true, badResult: 'exit-code' },
    settings: { wasActive: false },
    startJobsFailed: { dependency: 2, 'start-limit-hit': 1 },
  })
})

test('an agent before the histories counted on without them: then a history begins again', () => {
  const unit = { ...busyUnit('a.service'), history: busyHistory('a.service') }
  const page = createPageBuilder()
  page.head(HEAD)
  page.unit({ ...unit, endJob: 5 })
  page.unit({ ...busyUnit('b.service', 7) })
  const before = withUnits(newState(STREAM), [unit, { ...unit, name: 'b.service' }])
  const delta = readPayload(page.bytes(), 0)
  const after = delta && applyPayloads(before, 'delta', [delta])
  expect(after?.units).toMatchObject([{ endJob: 5, history: unit.history }, { history: null }])
})
