// When the birth message is published: before everything else, or after it while connections may end soon.
import { expect, test } from 'vitest'
import { newState } from '../../../src/core/state.ts'
import { createOutbox } from '../../../src/mqtt/delivery/outbox.ts'
import { createSendOrder } from '../../../src/mqtt/delivery/send-order.ts'
import { createSnapshots } from '../../../src/mqtt/delivery/snapshots.ts'
import { topicsOf } from '../../../src/mqtt/topics.ts'
import { testClock } from '../../rig/clock.ts'
import { started } from '../event.ts'
import { IDENTITY, STREAM } from '../gateway.ts'

const TOPICS = topicsOf('gatewatch', 'gw-7')

function create() {
  const outbox = createOutbox({ acknowledged: 0, bytesOf: () => 100 })
  outbox.add(started(1))
  let held = false
  const order = createSendOrder({
    topics: TOPICS,
    identity: IDENTITY,
    outbox,
    snapshots: createSnapshots(),
    features: { next: [], besides: () => null },
    holdsEvents: () => held,
    state: () => newState(STREAM),
    clock: testClock(),
    settled: () => {},
  })
  const taken = () => {
    const topics: string[] = []
    for (let next = order.next(); next !== null; next = order.next())
      topics.push(next.topic.replace('gatewatch/gw-7/', ''))
    return topics
  }
  return {
    order,
    taken,
    hold: (isHeld: boolean) => {
      held = isHeld
    },
  }
}

test('the birth message goes first', () => {
  const { order, taken } = create()
  order.begin('session', false)
  order.agent('{}')
  expect(taken()).toEqual(['availability', 'agent', 'event/start'])
})

test('it goes last, after events that are held, too, while connections may end soon', () => {
  const { order, taken, hold } = create()
  hold(true)
  order.begin('session', true)
  order.agent('{}')
  expect(taken()).toEqual(['agent'])
  hold(false)
  expect(taken()).toEqual(['event/start', 'availability'])
})

test('it does not go after `offline`', () => {
  const { order, taken, hold } = create()
  hold(true)
  order.begin('session', true)
  order.offline('session', () => {})
  hold(false)
  expect(taken()).toEqual(['availability', 'event/start'])
})
