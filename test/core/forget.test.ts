// Which units that only a pattern named are forgotten, when, and what remains of their counts.
import { expect, test } from 'vitest'
import type { Observation } from '../../src/core/observation.ts'
import type { State } from '../../src/core/state.ts'
import { dueAtMonoMs } from '../../src/core/step.ts'
import { at, read, signal, stepAll, unitNamed, watching } from './step-driver.ts'

const MIN = 60_000
const DAY = 24 * 60 * MIN
const SINK = 'sink@ttys1.service'
const CONN = 'conn@0-10.0.0.1:22-10.0.0.2:4711.service'

const found = (unit: string, monoMs = 1): Observation => ({ kind: 'discovered', at: at(monoMs), unit })
const unloaded = (unit: string, monoMs: number): Observation => ({ kind: 'unloaded', at: at(monoMs), unit })
const listed = (monoMs: number, ...loaded: string[]): Observation => ({
  ...{ kind: 'listed', at: at(monoMs), loaded: new Set(loaded) },
})
const accepting = (template: string, is = true): Observation => ({
  ...{ kind: 'accepting', at: at(0), template, accepting: is },
})
const boot = (bootId: string, monoMs: number, wallMs = 0): Observation => ({
  ...{ kind: 'boot', at: { monoMs, wallMs }, bootId },
})
const tick = (monoMs: number): Observation => ({ kind: 'tick', at: at(monoMs) })
const started = (unit: string, monoMs: number) =>
  signal(unit, monoMs, { activeState: 'active', subState: 'running', invocationId: `${unit} ${monoMs}` })
/** A run that ended well, after which systemd unloaded the unit. */
const ran = (unit: string, monoMs: number): Observation[] => [
  found(unit, monoMs),
  started(unit, monoMs),
  signal(unit, monoMs + 1, { invocationId: `${unit} ${monoMs}`, mainCode: 1 }),
  unloaded(unit, monoMs + 2),
]
const names = (state: State) => state.units.map(({ name }) => name)
const withLimit = (state: State, maxUnits: number): State => ({ ...state, policy: { ...state.policy, maxUnits } })
const after = (...observations: readonly (Observation | Observation[])[]) =>
  stepAll(watching(), observations.flat()).state

test('a run that was open before a gap has ended if systemd has not loaded the unit since; then it can be forgotten', () => {
  const away = after(accepting('conn@.service'), found(CONN, 100), started(CONN, 100), { kind: 'gap', at: at(200) })
  const { state, events } = stepAll(away, [listed(300)])
  expect(events).toMatchObject([{ kind: 'lost', source: 'reconcile', invocationId: `${CONN} 100` }])
  expect(unitNamed(state, CONN)).toMatchObject({ run: null, tracking: 'continuous', unloadedSinceMonoMs: 300 })
  const end = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }
  const run = { id: `${CONN} 100`, restart: null, missed: 0, nRestarts: null, requested: false, end }
  const proof: Observation = { kind: 'proof', at: at(250), runs: new Map([[CONN, [run]]]) }
  expect(stepAll(away, [proof, listed(300)]).events).toMatchObject([{ kind: 'crash', signal: 'SIGKILL' }])
  // It is still loaded, nothing was missed, or it is read because it was named.
  expect(stepAll(away, [listed(300, CONN)]).events).toEqual([])
  expect(stepAll(after(found(CONN, 100), started(CONN, 100)), [listed(300)]).events).toEqual([])
  const named = stepAll(watching(CONN), [started(CONN, 100), { kind: 'gap', at: at(200) }]).state
  expect(stepAll(named, [listed(300)]).events).toEqual([])
})

test('an instance of an Accept=yes socket is forgotten 10 minutes after systemd unloaded it', () => {
  const state = after(accepting('conn@.service'), ran(CONN, 100), tick(2 * MIN))
  const due = 102 + 10 * MIN
  expect(dueAtMonoMs(unitNamed(state, CONN), state)).toBe(due)
  expect(names(stepAll(state, [tick(due - 1)]).state)).toEqual([CONN])
  expect(names(stepAll(state, [tick(due)]).state)).toEqual([])
})

test('any other instance is forgotten after 30 days, also one of a socket that no longer accepts', () => {
  const due = 102 + 30 * DAY
  const sink = after(accepting('conn@.service'), ran(SINK, 100))
  expect(names(stepAll(sink, [tick(due - 1)]).state)).toEqual([SINK])
  expect(names(stepAll(sink, [tick(due)]).state)).toEqual([])
  const conn = after(accepting('conn@.service'), ran(CONN, 100), accepting('conn@.service', false), tick(2 * MIN))
  expect(dueAtMonoMs(unitNamed(conn, CONN), conn)).toBe(due)
})

test.each([
  ['it runs', [found(SINK), started(SINK, 2), unloaded(SINK, 3)]],
  ['it is still loaded', [found(SINK), read(SINK, 2, {})]],
  ['it runs again', [...ran(SINK, 100), started(SINK, 200)]],
  ['it started again and does nothing yet', [...ran(SINK, 100), signal(SINK, 200, { invocationId: 'next', job: 7 })]],
  ['it is loaded again, and not only because it was queried', [...ran(SINK, 100), listed(200, SINK)]],
  ['it is not an instance: it has a unit file of its own', ran('plain.service', 100)],
  ['systemd waits to restart it', [found(SINK), signal(SINK, 1, { activeState: 'activating' }), unloaded(SINK, 2)]],
])('an instance is not forgotten while %s', (_why, observations) => {
  const state = after(observations as Observation[])
  expect(names(stepAll(state, [tick(1000 * DAY)]).state)).toEqual(names(state))
})

test('a unit is not forgotten before its summary is reported', () => {
  const runs = Array.from({ length: 130 }, (_, n) => [
    signal(SINK, 10 + 2 * n, { activeState: 'active', invocationId: `r${n}` }),
    signal(SINK, 11 + 2 * n, { invocationId: `r${n}`, mainCode: 1 }),
  ]).flat()
  const { state } = stepAll(withLimit(watching(), 1), [found(SINK), ...runs, unloaded(SINK, 1000), tick(1001)])
  expect(names(state)).toEqual([SINK])
  const { state: later, events } = stepAll(state, [tick(2 * MIN), tick(4 * MIN), found(CONN)])
  expect(events.map(({ kind }) => kind)).toEqual(['summary'])
  expect(names(later)).toEqual([CONN])
})

test('an instance that the configuration names is not forgotten', () => {
  const state = stepAll(watching(SINK), [started(SINK, 1), unloaded(SINK, 2), listed(3), tick(1000 * DAY)]).state
  expect(names(state)).toEqual([SINK])
  const pattern: Observation = { kind: 'watch', at: at(4), units: [SINK], patterns: ['sink@*'] }
  expect(names(stepAll(after(ran(SINK, 100)), [pattern, tick(1000 * DAY)]).state)).toEqual([SINK])
})

test('an instance that systemd does not list is unloaded, if nothing is known of it that it does', () => {
  const state = after(found(SINK), found(CONN), started(CONN, 2), listed(5), listed(9))
  expect(unitNamed(state, SINK).unloadedSinceMonoMs).toBe(5)
  expect(unitNamed(state, CONN).unloadedSinceMonoMs).toBe(null)
})

test('loading an instance to query it, and unloading it again, does not make it younger', () => {
  const state = after(ran(SINK, 100), read(SINK, 5000, {}), unloaded(SINK, 5001), listed(9000))
  expect(unitNamed(state, SINK).unloadedSinceMonoMs).toBe(102)
})

test('a run makes it younger, even one that was over before anything else was seen of it', () => {
  const run = [
    signal(SINK, 200, { invocationId: 'next', job: 7 }),
    signal(SINK, 201, { invocationId: 'next', mainCode: 1 }),
  ]
  const state = after(ran(SINK, 100), run, unloaded(SINK, 202))
  expect(unitNamed(state, SINK)).toMatchObject({ run: null, unloadedSinceMonoMs: 202 })
})

test('a unit whose file is gone is forgotten after a day; a masked one is still there', () => {
  const gone = { loadState: 'not-found' }
  const state = after(found('a.service'), read('a.service', 5, {}, gone), found('b.service'))
  const both = stepAll(state, [read('b.service', 5, {}, { loadState: 'masked' })]).state
  expect(names(stepAll(both, [tick(4 + DAY)]).state)).toEqual(['a.service', 'b.service'])
  expect(names(stepAll(both, [tick(5 + DAY)]).state)).toEqual(['b.service'])
  expect(names(stepAll(both, [tick(1000 * DAY)]).state)).toEqual(['b.service'])
  const running = read('a.service', 6, { activeState: 'active', invocationId: 'r1' }, gone)
  expect(names(stepAll(state, [running, tick(1000 * DAY)]).state)).toContain('a.service')
})

test('above 80 % of the limit, connections go first, then what has been over for longest; what runs stays', () => {
  const sink = (n: number) => `sink@${n}.service`
  const conn = (n: number) => `conn@${n}.service`
  let state = withLimit(after(accepting('conn@.service')), 10)
  state = stepAll(
    state,
    [sink(1), sink(2)].flatMap((unit, n) => ran(unit, 100 * n)),
  ).state
  state = stepAll(
    state,
    [sink(3), sink(4), sink(5)].flatMap((unit) => [found(unit), started(unit, 300)]),
  ).state
  state = stepAll(
    state,
    [1, 2, 3].flatMap((n) => ran(conn(n), 400 + 10 * n)),
  ).state
  expect(names(state)).toEqual([...[1, 2, 3, 4, 5].map(sink), ...[1, 2, 3].map(conn)])
  const add = (n: number) => {
    state = stepAll(state, [found(sink(n)), started(sink(n), 500 + n)]).state
  }
  add(6)
  expect(names(state)).toEqual([...[1, 2, 3, 4, 5].map(sink), conn(2), conn(3), sink(6)])
  add(7)
  add(8)
  expect(names(state)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map(sink))
  add(9)
  expect(names(state)).toEqual([2, 3, 4, 5, 6, 7, 8, 9].map(sink))
  add(10)
  add(11)
  add(12)
  expect(names(state)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(sink))
  expect(state.forgotten.get('sink@.service')).toMatchObject({ starts: 2, stops: 2 })
  expect(state.forgotten.get('conn@.service')).toMatchObject({ starts: 3, stops: 3 })
})

test('above 80 % of the limit, what never ran goes before what ran earlier', () => {
  const never = [found('sink@never.service'), unloaded('sink@never.service', 300)]
  const state = withLimit(after(ran('sink@old.service', 100), never), 3)
  expect(names(stepAll(state, [found('sink@new.service')]).state)).toEqual(['sink@old.service', 'sink@new.service'])
})

test('several connections are forgotten at once, because each removal rewrites the state; other instances one by one', () => {
  const over = (template: string) =>
    Array.from({ length: 80 }, (_, n) => ran(`${template}${n}.service`, 100 + n)).flat()
  const forgotten = (template: string) => {
    const full = withLimit(after(accepting('conn@.service'), over(template)), 100)
    return full.units.length - stepAll(full, [found('new@1.service')]).state.units.length + 1
  }
  expect([forgotten('conn@'), forgotten('sink@')]).toEqual([3, 1])
})

test('a list that is too full loses what becomes unloaded, at a signal, with a list and with a new configuration', () => {
  const units = ['sink@1.service', 'sink@2.service', 'sink@3.service']
  const full = stepAll(
    withLimit(after(), 4),
    units.flatMap((unit) => [found(unit), read(unit, 5, {})]),
  ).state
  expect(names(full)).toEqual(units)
  expect(names(stepAll(full, [unloaded(SINK, 6)]).state)).toEqual(units)
  const twelve = units.slice(1)
  const limit = { ...full, policy: { ...full.policy, maxUnits: 3 } }
  expect(names(stepAll(limit, [unloaded('sink@1.service', 6)]).state)).toEqual(twelve)
  expect(names(stepAll(limit, [listed(6, ...twelve)]).state)).toEqual(twelve)
  const over = { ...stepAll(full, [unloaded('sink@1.service', 6)]).state, policy: limit.policy }
  const watch: Observation = { kind: 'watch', at: at(7), units: [], patterns: ['sink@*'] }
  expect(names(stepAll(over, [watch]).state)).toEqual(twelve)
})

test('what forgotten units had counted is summed by template; one that returns starts at 0', () => {
  const crash = signal(SINK, 20, {
    activeState: 'failed',
    invocationId: 'r',
    result: 'signal',
    mainCode: 2,
    mainStatus: 9,
  })
  const run = [found(SINK), signal(SINK, 10, { invocationId: 'r', job: 1 }), crash, unloaded(SINK, 30)]
  const baseline = { starts: 100, stops: 90, crashes: 10, restarts: 9, lost: 0 }
  const imported: Observation = { kind: 'import', at: at(40), baselines: new Map([[SINK, baseline]]) }
  const once = after(run, imported, tick(100 * DAY))
  expect([...once.forgotten]).toEqual([
    ['sink@.service', { starts: 101, stops: 90, crashes: 11, restarts: 9, lost: 0 }],
  ])
  const again = stepAll(once, ran(SINK, 101 * DAY)).state
  expect(unitNamed(again, SINK).counters).toEqual({ starts: 1, stops: 1, crashes: 0, restarts: 0, lost: 0 })
  const twice = stepAll(again, [tick(200 * DAY)]).state
  expect(twice.forgotten.get('sink@.service')).toMatchObject({ starts: 102, stops: 91 })
  expect(
    stepAll(twice, [{ kind: 'clear', via: 'socket', keepEvents: false, at: at(201 * DAY) }]).state.forgotten.size,
  ).toBe(0)
})

test('the number of templates with a sum is limited; the others are one sum, as are units without a template', () => {
  const units = Array.from({ length: 66 }, (_, n) => `t${n}@x.service`)
  const gone = read('run-1.service', 70, {}, { loadState: 'not-found' })
  const before = after(
    units.flatMap((unit) => ran(unit, 1)),
    found('run-1.service'),
    started('run-1.service', 60),
    gone,
  )
  const { forgotten } = stepAll(before, [tick(100 * DAY), ...ran('t0@y.service', 101 * DAY), tick(200 * DAY)]).state
  expect(forgotten.size).toBe(65)
  expect(forgotten.get('t63@.service')).toMatchObject({ starts: 1 })
  expect(forgotten.get('other')).toMatchObject({ starts: 3 })
  expect(forgotten.get('t0@.service')).toMatchObject({ starts: 2 })
})

test('after a reboot, and whatever the clock shows, an instance is as old as it was, at least', () => {
  const before = after(accepting('conn@.service'), ran(CONN, 100), ran(SINK, 4 * MIN), started(SINK, 5 * MIN))
  const { state } = stepAll(before, [boot('boot-2', 1000, 1_795_000_000_000), accepting('conn@.service'), listed(2000)])
  // The newest time that is known of the old boot is that of the start: 5 min.
  expect(unitNamed(state, CONN).unloadedSinceMonoMs).toBe(102 - 5 * MIN)
  expect(unitNamed(state, SINK).unloadedSinceMonoMs).toBe(2000)
  expect(dueAtMonoMs(unitNamed(state, CONN), state)).toBe(102 + 5 * MIN)
  const third = stepAll(state, [boot('boot-3', 500, 12_000)]).state
  expect(unitNamed(third, CONN).unloadedSinceMonoMs).toBe(102 - 5 * MIN - 2000)
  expect(unitNamed(third, SINK).unloadedSinceMonoMs).toBe(0)
})

test('the newest change of a state shows how long the boot before lasted', () => {
  const changed = read('a.service', 900, { changedAtMonoMs: 890 })
  const { state } = stepAll(watching('a.service'), [...ran(SINK, 100), changed, boot('boot-2', 5)])
  expect(unitNamed(state, SINK).unloadedSinceMonoMs).toBe(102 - 890)
})

test('a restart of the agent changes no age', () => {
  const state = after(ran(SINK, 100))
  const again = stepAll(state, [boot('boot-1', 5000), listed(6000)]).state
  expect(unitNamed(again, SINK).unloadedSinceMonoMs).toBe(102)
})
