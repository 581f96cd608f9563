// Random changes, publishes and reconnections: in the end, the broker has the newest state of each unit.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Observation } from '../../../src/core/observation.ts'
import { type State, unitOf } from '../../../src/core/state.ts'
import { step } from '../../../src/core/step.ts'
import { unitJson } from '../../../src/core/views/api-json.ts'
import { createSnapshots, type PendingState } from '../../../src/mqtt/delivery/snapshots.ts'
import { at, read, signal, watching } from '../../core/step-driver.ts'

test('whatever happens in between, the broker has the newest state of each unit at the end, and no other', () => {
  const names = ['a.service', 'b.service']
  const unit = fc.constantFrom(...names)
  const action = fc.oneof(
    fc.record({ do: fc.constantFrom('run' as const, 'fail' as const, 'read' as const, 'restart' as const), unit }),
    fc.record({ do: fc.constant('watch' as const), units: fc.subarray(names) }),
    fc.record({ do: fc.constantFrom('contact-lost' as const, 'release' as const, 'take' as const) }),
    fc.record({ do: fc.constantFrom('acknowledge' as const, 'reconnect' as const) }),
  )
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const broker = createRetainingBroker(watching('a.service', 'b.service'))
      for (const one of actions) broker.act(one)
      broker.act({ do: 'release' })
      while (broker.act({ do: 'take' }) + broker.act({ do: 'acknowledge' }) > 0);
      expect(broker.retained()).toEqual(broker.newest())
    }),
    { numRuns: 2000 },
  )
})

type Action =
  | { readonly do: 'run' | 'fail' | 'read' | 'restart'; readonly unit: string }
  | { readonly do: 'watch'; readonly units: readonly string[] }
  | { readonly do: 'contact-lost' | 'release' | 'take' | 'acknowledge' | 'reconnect' }

/** What a broker retains that receives what is taken, in its order; with a reconnection, it forgets everything. */
function createRetainingBroker(from: State) {
  const snapshots = createSnapshots()
  const retained = new Map<string, string>()
  let state = from
  let inFlight: PendingState[] = []
  let monoMs = 1000
  let run = 0
  snapshots.all(state)

  const running = () => ({ activeState: 'active', subState: 'running', invocationId: `r${run}` })
  const failed = () => {
    const cause = { result: 'signal', mainCode: 2, mainStatus: 9 }
    return { ...cause, activeState: 'failed', subState: 'failed', invocationId: `r${run}` }
  }
  const observed = (action: Action): Observation[] => {
    switch (action.do) {
      case 'run':
        run += 1
        return [signal(action.unit, monoMs, running())]
      case 'fail':
        return [signal(action.unit, monoMs, failed())]
      case 'restart':
        return [signal(action.unit, monoMs, { ...failed(), activeState: 'activating', subState: 'auto-restart' })]
      case 'read':
        return [read(action.unit, monoMs, running(), { restart: 'always' })]
      case 'watch':
        return [{ kind: 'watch', at: at(monoMs), units: action.units, patterns: [] }]
      default:
        return [
          { kind: 'gap', at: at(monoMs) },
          { kind: 'contact-lost', at: at(monoMs) },
        ]
    }
  }

  const observe = (observation: Observation) => {
    const before = state
    const { state: after, events } = step(before, observation)
    state = after
    snapshots.accept({ before, after, events, at: observation.at })
  }

  const take = (): number => {
    const taken: PendingState[] = []
    for (let next = snapshots.next(); next !== null; next = snapshots.next()) taken.push(next)
    for (const { unit, gone } of taken) {
      const found = unitOf(state, unit)
      if (gone) retained.delete(unit)
      else if (found !== undefined) retained.set(unit, JSON.stringify(unitJson(found)))
    }
    inFlight.push(...taken)
    return taken.length
  }

  return {
    /** Returns how many states were taken or acknowledged. */
    act(action: Action): number {
      monoMs += 10
      if (action.do === 'release') snapshots.release()
      else if (action.do === 'take') return take()
      else if (action.do === 'acknowledge') {
        const settled = inFlight
        inFlight = []
        for (const one of settled) snapshots.settle(one)
        return settled.length
      } else if (action.do === 'reconnect') {
        retained.clear()
        inFlight = []
        snapshots.all(state)
      } else for (const observation of observed(action)) observe(observation)
      return 0
    },
    retained: () => Object.fromEntries(retained),
    newest: () => Object.fromEntries(state.units.map((unit) => [unit.name, JSON.stringify(unitJson(unit))])),
  }
}
