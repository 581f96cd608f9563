// Generators of arbitrary units, events and headers for property tests.
import fc from 'fast-check'
import type { Event } from '../../src/core/event.ts'
import type { Evidence } from '../../src/core/explain/evidence.ts'
import type { Unit } from '../../src/core/unit.ts'
import { NO_PROOF } from '../../src/core/unit.ts'
import { LARGEST_NUMBER } from '../../src/store/format/bytes.ts'
import { WORDS } from '../../src/store/format/word-table.ts'
import { anyUnitsWithHistory } from './histories.ts'

const number = fc.integer({ min: 0, max: LARGEST_NUMBER })
const count = fc.oneof(fc.nat(300), number)
export const anyCounters = fc.record({ starts: count, stops: count, crashes: count, restarts: count, lost: count })
const ms = fc.oneof(fc.nat(), number, fc.double({ noNaN: true, min: -LARGEST_NUMBER, max: LARGEST_NUMBER }))
const word = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'grapheme', maxLength: 9 }),
)
const hex = (length: number) =>
  fc.array(fc.constantFrom(...'0123456789abcdef'), { minLength: length, maxLength: length }).map((c) => c.join(''))
const id = fc.oneof(hex(32), hex(16), fc.constant(''), fc.string({ maxLength: 12 }))
const name = fc.oneof(word, fc.constant('mosquitto.service')).filter((s) => s !== '')
const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null })
const tally = <T>(of: fc.Arbitrary<T>) => fc.dictionary(word, of, { maxKeys: 5, noNullPrototype: true })
const int = fc.integer({ min: -5, max: 70_000 })
const code = fc.integer({ min: 0, max: 300 })
const cause = { result: word, exitCode: maybe(code), signal: maybe(word), coreDumped: fc.boolean() }
const summary = { counted: anyCounters, byResult: tally(count), firstMs: ms, lastMs: ms }

const known = fc.nat(0xffff_ffff)
const part = <T extends object>(of: { [K in keyof T]: fc.Arbitrary<T[K]> }) => fc.record(of, { requiredKeys: [] })
const memory = part({ limit: known, peak: known, lastSeen: known }).filter((m) => Object.keys(m).length > 0)
/** What the flash keeps of it. */
export const anyEvidence: fc.Arbitrary<Evidence> = part({
  ranMs: known,
  firstRunOfBoot: fc.constant(true as const),
  sameCause24h: known,
  sameCause7d: known,
  memory,
  fileChangedMs: known,
  signature: hex(12),
}).filter((e) => Object.keys(e).length > 0)
const because = fc.record({ unit: name, relation: word })
const after = fc.record({ unit: name, event: fc.constantFrom('stop', 'crash', 'lost'), ms: fc.nat(2000) })

export const anyUnit: fc.Arbitrary<Unit> = fc.record({
  name,
  snapshot: maybe(
    fc.record({
      activeState: word,
      subState: word,
      invocationId: maybe(id),
      job: int,
      result: maybe(word),
      mainCode: int,
      mainStatus: int,
      mainPid: fc.constant(0),
      nRestarts: fc.nat(70_000),
      changedAtMonoMs: ms,
      frozen: fc.constant(false),
    }),
  ),
  settings: maybe(
    fc.record({
      loadState: word,
      enabled: fc.boolean(),
      restart: maybe(word),
      restartForced: fc.boolean(),
      restartPrevented: fc.boolean(),
      wasActive: fc.boolean(),
      startedBy: fc.constant([]),
    }),
  ),
  settingsStale: fc.constant(false),
  discovered: fc.constant(false),
  outOfContact: fc.constant(false),
  triggered: fc.constant(null),
  byPattern: fc.boolean(),
  run: maybe(
    fc.record({
      id,
      openedAtMonoMs: ms,
      openedAtMs: ms,
      job: int,
      requested: fc.boolean(),
      badResult: maybe(word),
      startObserved: fc.boolean(),
      firstOfBoot: fc.boolean(),
    }),
  ),
  runIds: fc.array(id, { maxLength: 3 }),
  tracking: fc.constantFrom('unseen', 'interrupted', 'continuous'),
  reportedRestarts: fc.constant(0),
  proven: fc.constant(NO_PROOF),
  endJob: int,
  startJob: fc.constant(0),
  stopRequested: fc.boolean(),
  failed: maybe(fc.record({ sinceMonoMs: ms, requested: fc.boolean() })),
  counters: anyCounters,
  baseline: anyCounters,
  failures: tally(fc.record({ unrequested: count, requested: count })),
  startJobsFailed: tally(count),
  job: fc.constant(null),
  canceledAtMonoMs: fc.constant(null),
  lastCrash: maybe(fc.record({ cause: fc.record(cause), requested: fc.boolean(), thisBoot: fc.boolean(), atMs: ms })),
  history: maybe(anyUnitsWithHistory.map((all) => all.at(-1)?.history ?? null)),
  changedAtMs: maybe(ms),
  crashTimesMonoMs: fc.array(ms, { maxLength: 8 }),
  flapping: fc.boolean(),
  gaveUp: fc.boolean(),
  lastEnd: fc.constant(null),
  burst: maybe(fc.record({ sinceMonoMs: ms, ends: count, summary: maybe(fc.record(summary)) })),
  goneSinceMonoMs: maybe(ms),
  unloadedSinceMonoMs: maybe(ms),
})

const common = {
  unit: name,
  seq: number,
  atMs: ms,
  bootId: fc.oneof(id, fc.constant('11111111222233334444555555555555')).filter((s) => s !== ''),
  source: fc.constantFrom('signal' as const, 'reconcile' as const),
  clockSynced: maybe(fc.boolean()),
  counters: anyCounters,
}
const gap = { seqGap: fc.nat() }
const change = { fromState: word, toState: word, subState: word }
const event = <T extends object>(of: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.oneof(fc.record({ ...common, ...of }), fc.record({ ...common, ...gap, ...of })) as unknown as fc.Arbitrary<Event>

export const anyEvent: fc.Arbitrary<Event> = fc.oneof(
  event({ kind: fc.constantFrom('start', 'restart'), ...change, invocationId: maybe(id) }),
  event({ kind: fc.constant('stop'), ...change, ...cause, invocationId: id, requested: fc.boolean() }),
  event({
    kind: fc.constant('crash'),
    ...change,
    ...cause,
    invocationId: maybe(id),
    requested: fc.boolean(),
    willRestart: maybe(fc.boolean()),
  }),
  event({
    ...{ kind: fc.constant('crash'), ...change, ...cause, invocationId: maybe(id), requested: fc.boolean() },
    ...{ willRestart: maybe(fc.boolean()), evidence: anyEvidence, because, after },
  }),
  event({ kind: fc.constant('stop'), ...change, ...cause, invocationId: id, requested: fc.boolean(), because, after }),
  event({ kind: fc.constant('lost'), invocationId: maybe(id) }),
  event({ kind: fc.constant('lost'), invocationId: maybe(id), because, after }),
  event({ kind: fc.constant('evidence'), of: number, evidence: anyEvidence, because }),
  event({ kind: fc.constant('gave_up'), ...change, result: word }),
  event({ kind: fc.constant('flapping'), flapping: fc.boolean(), crashesInWindow: count, windowSeconds: ms }),
  event({ kind: fc.constant('summary'), ...summary }),
  event({ kind: fc.constantFrom('unit_appeared', 'unit_vanished'), loadState: word }),
  event({ kind: fc.constant('start_refused'), result: word }),
  event({ kind: fc.constant('evidence'), of: number, evidence: fc.constant({}) }),
  event({ kind: fc.constant('command'), action: word, outcome: word, via: word, who: maybe(word) }),
  event({
    ...{ kind: fc.constant('command'), unit: fc.constant(null), counters: fc.constant(null) },
    ...{ action: fc.constant('clear'), outcome: fc.constant('done'), via: word, who: fc.constant(null) },
  }),
  event({
    kind: fc.constant('identity_changed'),
    unit: fc.constant(null),
    counters: fc.constant(null),
    formerMachineId: id,
    machineId: id,
    formerGatewayId: maybe(word),
    gatewayId: word,
  }),
)

export const anyHead = fc.record({
  stream: hex(16),
  gatewayId: maybe(fc.string({ maxLength: 40 })),
  machineId: maybe(id),
  bootId: fc.oneof(hex(32), fc.constant('')),
  formerImported: fc.boolean(),
  bootedAtMs: maybe(ms),
  seq: number,
  clearedSeq: number,
  seqGap: number,
  reserved: number,
  acknowledged: number,
  published: fc.array(
    fc.record({
      status: fc.constantFrom('current', 'former', 'refused'),
      prefix: fc.string({ maxLength: 40 }),
      gatewayId: fc.string({ maxLength: 40 }),
      discoveryPrefix: fc.string({ maxLength: 40 }),
    }),
    { maxLength: 4 },
  ),
  clean: fc.boolean(),
  budget: maybe(fc.record({ bytes: ms, reserve: number })),
})
