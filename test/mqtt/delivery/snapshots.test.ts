// Retained states to publish: the newest of each unit, once, and nothing if it did not change visibly.
import { expect, test } from 'vitest'
import type { Observation } from '../../../src/core/observation.ts'
import type { State } from '../../../src/core/state.ts'
import { step } from '../../../src/core/step.ts'
import { createSnapshots, type PendingState, type Snapshots } from '../../../src/mqtt/delivery/snapshots.ts'
import { at, read, signal, stepAll, unitNamed, watching } from '../../core/step-driver.ts'

const running = (id: string) => ({ activeState: 'active', subState: 'running', invocationId: id })
const failed = (id: string) => ({
  activeState: 'failed',
  subState: 'failed',
  invocationId: id,
  result: 'signal',
  mainCode: 2,
  mainStatus: 9,
})

function apply(snapshots: Snapshots, from: State, ...observations: Observation[]): State {
  let state = from
  for (const observation of observations) {
    const { state: after, events } = step(state, observation)
    snapshots.accept({ before: state, after, events, at: observation.at })
    state = after
  }
  return state
}

/** What can be published when nothing waits any more. */
function takeAll(snapshots: Snapshots): PendingState[] {
  snapshots.release()
  return takeUrgent(snapshots)
}

function takeUrgent(snapshots: Snapshots): PendingState[] {
  const taken: PendingState[] = []
  for (let next = snapshots.next(); next !== null; next = snapshots.next()) taken.push(next)
  return taken
}

const known = () =>
  stepAll(watching('a.service', 'b.service'), [read('a.service', 1, {}), read('b.service', 1, {})]).state

test('a unit that changed often is published once, and again only after the acknowledgement', () => {
  const snapshots = createSnapshots()
  let state = apply(snapshots, known(), signal('a.service', 10, running('a1')), signal('a.service', 20, failed('a1')))
  expect(takeAll(snapshots)).toEqual([{ unit: 'a.service', gone: false }])
  state = apply(snapshots, state, signal('a.service', 30, running('a2')))
  expect(takeAll(snapshots)).toEqual([])
  snapshots.settle({ unit: 'a.service', gone: false })
  expect(takeAll(snapshots)).toEqual([{ unit: 'a.service', gone: false }])
})

const pending = (unit: string): PendingState => ({ unit, gone: false })

test('the states that a restart passes through are published as one, when they are released', () => {
  const snapshots = createSnapshots()
  const restarting = stepAll(known(), [
    read('a.service', 5, running('a1'), { restart: 'always' }),
    read('b.service', 5, running('b1'), { restart: 'always' }),
  ]).state
  const autoRestart = { activeState: 'activating', subState: 'auto-restart', invocationId: 'a1' }
  const after = apply(snapshots, restarting, signal('a.service', 10, failed('a1')))
  expect(takeUrgent(snapshots)).toEqual([])
  apply(snapshots, after, signal('a.service', 11, autoRestart), signal('a.service', 111, running('a2')))
  expect(takeUrgent(snapshots)).toEqual([])
  expect(takeAll(snapshots)).toEqual([pending('a.service')])
  expect(takeAll(snapshots)).toEqual([])
})

test('a failure without a restart, a unit that systemd gave up, and lost contact are published at once', () => {
  const snapshots = createSnapshots()
  const both = [read('a.service', 5, running('a1')), read('b.service', 5, running('b1'), { restart: 'always' })]
  let state = stepAll(known(), both).state
  state = apply(snapshots, state, signal('a.service', 10, failed('a1')), signal('b.service', 10, failed('b1')))
  expect(takeUrgent(snapshots)).toEqual([pending('a.service')])
  snapshots.settle(pending('a.service'))
  state = apply(snapshots, state, { kind: 'tick', at: at(20_000) })
  expect(unitNamed(state, 'b.service').gaveUp).toBe(true)
  expect(takeUrgent(snapshots)).toEqual([pending('b.service')])
  snapshots.settle(pending('b.service'))
  apply(snapshots, state, { kind: 'gap', at: at(20_100) }, { kind: 'contact-lost', at: at(50_100) })
  expect(takeUrgent(snapshots)).toEqual([pending('a.service'), pending('b.service')])
})

test('a state without a visible change is not published again', () => {
  const snapshots = createSnapshots()
  const state = stepAll(known(), [signal('a.service', 10, running('a1'))]).state
  apply(snapshots, state, read('a.service', 300, running('a1')), { kind: 'clock', at: at(400), synced: true })
  expect(takeAll(snapshots)).toEqual([])
})

test('when contact to systemd is lost, every unit is published once, even during a summary; and again when it is back', () => {
  const snapshots = createSnapshots()
  const storm = Array.from({ length: 260 }, (_, i) =>
    signal('a.service', 10 + i, i % 2 === 0 ? running(`a${i}`) : failed(`a${i - 1}`)),
  )
  const inStorm = stepAll(known(), storm).state
  expect(unitNamed(inStorm, 'a.service').burst?.summary).toBeTruthy()
  const both = [
    { unit: 'a.service', gone: false },
    { unit: 'b.service', gone: false },
  ]
  const lost = apply(snapshots, inStorm, { kind: 'gap', at: at(400) }, { kind: 'contact-lost', at: at(500) })
  expect(takeAll(snapshots)).toEqual(both)
  for (const pending of both) snapshots.settle(pending)
  apply(snapshots, lost, { kind: 'contact-lost', at: at(600) })
  expect(takeAll(snapshots)).toEqual([])
  apply(snapshots, lost, read('a.service', 700, failed('a258')), read('b.service', 700, {}))
  expect(takeAll(snapshots)).toEqual(both)
})

test('a unit that is no longer watched is cleared, even if that was in flight when the connection ended', () => {
  const snapshots = createSnapshots()
  const state = apply(snapshots, known(), { kind: 'watch', at: at(10), units: ['b.service'], patterns: [] })
  expect(takeAll(snapshots)).toEqual([{ unit: 'a.service', gone: true }])
  snapshots.all(state)
  expect(takeAll(snapshots)).toEqual([
    { unit: 'a.service', gone: true },
    { unit: 'b.service', gone: false },
  ])
})

test('a unit that is watched again is published, not cleared', () => {
  const snapshots = createSnapshots()
  const gone: Observation = { kind: 'watch', at: at(10), units: ['b.service'], patterns: [] }
  const back: Observation = { kind: 'watch', at: at(20), units: ['a.service', 'b.service'], patterns: [] }
  apply(snapshots, known(), gone, back)
  expect(takeAll(snapshots)).toEqual([{ unit: 'a.service', gone: false }])
})

test('a unit that ends too often is published once per summary', () => {
  const snapshots = createSnapshots()
  let state = known()
  let monoMs = 100
  const flood = (runs: number) => {
    let published = 0
    for (let i = 0; i < runs; i++) {
      monoMs += 10
      state = apply(
        snapshots,
        state,
        signal('a.service', monoMs, running(`r${monoMs}`)),
        signal('a.service', monoMs + 5, failed(`r${monoMs}`)),
      )
      for (const snapshot of takeAll(snapshots)) {
        published += 1
        snapshots.settle(snapshot)
      }
    }
    return published
  }
  expect(flood(200)).toBeLessThanOrEqual(122)
  expect(flood(200)).toBe(0)
  monoMs += 60_000
  expect(flood(200)).toBe(1)
  monoMs += 60_000
  state = apply(snapshots, state, { kind: 'tick', at: at(monoMs) })
  monoMs += 60_000
  state = apply(snapshots, state, { kind: 'tick', at: at(monoMs) })
  expect(takeAll(snapshots)).toHaveLength(1)
})
