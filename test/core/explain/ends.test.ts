// What the event of an end contains about other units: `because`, `after`, and the evidence that follows.
import { describe, expect, it } from 'vitest'
import { relationsOf } from '../../../src/core/explain/relations.ts'
import type { Observation } from '../../../src/core/observation.ts'
import type { State } from '../../../src/core/state.ts'
import { eventJson } from '../../../src/core/views/api-json.ts'
import { eventDetails } from '../../../src/core/views/event-text.ts'
import { eventLine } from '../../../src/log/lines.ts'
import { at, read, signal, stepAll, watching } from '../step-driver.ts'

const UP = { activeState: 'active', subState: 'running' }
const STOPPED = { activeState: 'inactive', subState: 'dead', mainCode: 2, mainStatus: 15 }
const CRASHED = { activeState: 'failed', subState: 'failed', result: 'signal', mainCode: 2, mainStatus: 11 }
const BECAUSE = { unit: 'broker.service', relation: 'BindsTo' }
const IDENTITY = { stream: '00112233aabbccdd', gatewayId: 'gw-1', machineId: 'm-1' }

/** Both units run; app.service depends on the broker. */
function running(): State {
  const relations = relationsOf((name) => (name === 'After' ? ['broker.service', 'never-watched.service'] : []))
  return stepAll(watching('app.service', 'broker.service', 'other.service'), [
    read('app.service', 1000, { ...UP, invocationId: 'a1' }, { relations }),
    read('broker.service', 1000, { ...UP, invocationId: 'b1' }),
    read('other.service', 1000, { ...UP, invocationId: 'o1' }),
  ]).state
}

/** The end events of these observations. */
const ends = (...observations: readonly Observation[]) =>
  stepAll(running(), observations).events.filter(({ kind }) => kind === 'stop' || kind === 'crash')

const brokerEnds = (ms: number, how: object) => signal('broker.service', ms, { ...how, invocationId: 'b1' })
const appEnds = (ms: number, how: object) => signal('app.service', ms, { ...how, invocationId: 'a1' })

describe('after', () => {
  it('names a unit on which this one depends that ended within 2 s before, and how it ended', () => {
    expect(ends(brokerEnds(5000, CRASHED), appEnds(5200, CRASHED))[1]).toMatchObject({
      after: { unit: 'broker.service', event: 'crash', ms: 200 },
    })
    expect(ends(brokerEnds(5000, STOPPED), appEnds(7000, STOPPED))[1]).toMatchObject({
      after: { unit: 'broker.service', event: 'stop', ms: 2000 },
    })
  })

  it('is absent for an end that is longer ago, without a dependency, in the other direction, and if it is the cause', () => {
    expect(ends(brokerEnds(5000, CRASHED), appEnds(7001, CRASHED))[1]).not.toHaveProperty('after')
    const other = signal('other.service', 5000, { ...CRASHED, invocationId: 'o1' })
    expect(ends(other, appEnds(5001, CRASHED))[1]).not.toHaveProperty('after')
    expect(ends(appEnds(5000, CRASHED), brokerEnds(5001, CRASHED))[1]).not.toHaveProperty('after')
    const caused = { ...appEnds(5001, STOPPED), because: BECAUSE } as Observation
    expect(ends(brokerEnds(5000, CRASHED), caused)[1]).toMatchObject({ because: BECAUSE })
    expect(ends(brokerEnds(5000, CRASHED), caused)[1]).not.toHaveProperty('after')
  })

  it('is absent for an end of which only a read shows that it happened', () => {
    const readLater = read('broker.service', 5000, { ...STOPPED, invocationId: 'b1' })
    expect(ends(readLater, appEnds(5001, CRASHED))[1]).not.toHaveProperty('after')
  })
})

describe('because', () => {
  const proven = { ...appEnds(5000, STOPPED), because: BECAUSE } as Observation
  const later = (run: string): Observation => ({
    kind: 'because',
    unit: 'app.service',
    at: at(5100),
    run,
    because: BECAUSE,
  })

  it('is in the event, in its JSON and in every text', () => {
    const [stop] = ends(proven)
    if (stop === undefined) throw new Error('no event')
    const json = eventJson(stop, IDENTITY)
    expect(json).toMatchObject({ event: 'stop', because: BECAUSE })
    const text = ', because broker.service ended (BindsTo=)'
    expect(eventDetails({ ...json, event: 'stop' })).toBe(`stop 1${text}`)
    expect(eventLine(stop).text).toBe(`app.service:  Incrementing stop counter -> 1${text}`)
    const conflict = { event: 'crash', because: { unit: 'c.service', relation: 'Conflicts' }, signal: 'SIGABRT' }
    const after = { unit: 'b.service', event: 'crash', ms: 120 } as const
    expect(eventDetails({ ...conflict, after })).toContain(
      ', because c.service started (Conflicts=), b.service crashed 120 ms before',
    )
  })

  it('is added by evidence for the same run if it becomes known later, and only then', () => {
    const { events } = stepAll(running(), [appEnds(5000, STOPPED), later('a1')])
    const [stop, evidence] = events.slice(-2)
    expect(stop).not.toHaveProperty('because')
    expect(evidence).toMatchObject({ kind: 'evidence', of: stop?.seq, evidence: {}, because: BECAUSE })
    if (evidence === undefined) throw new Error('no event')
    expect(eventLine(evidence).text).toContain(`${stop?.seq}, because broker.service ended (BindsTo=)`)
    expect(stepAll(running(), [appEnds(5000, STOPPED), later('a0')]).events.at(-1)?.kind).toBe('stop')
    expect(stepAll(running(), [later('a1')]).events).toEqual([])
  })

  it('is ignored in an observation that shows no end', () => {
    const started = { ...signal('app.service', 5000, { ...UP, invocationId: 'a1' }), because: BECAUSE } as Observation
    expect(stepAll(running(), [started]).events).toEqual([])
  })
})
