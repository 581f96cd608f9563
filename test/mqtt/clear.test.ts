// `clear` with a real mosquitto: events that wait are published first, or dropped and announced; nothing else is missing.
import { expect, it } from 'vitest'
import { MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { connected, drained, json, seqsOf } from './received.ts'

const UNIT = 'a.service'

/** As the agent does it. */
async function clear(gateway: Gateway): Promise<void> {
  await gateway.sink.clear()
  gateway.observe({ kind: 'clear', at: gateway.now(), via: 'socket', keepEvents: false })
}

describeUnless(missingPrograms(...MOSQUITTO), 'clear', () => {
  it('publishes the events that wait, then the command', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    await using gateway = startGateway({ config: { url: broker.url }, units: [UNIT], speed: 1 })
    await connected(gateway)
    gateway.fail(UNIT, 100)
    const before = gateway.state().seq
    await clear(gateway)
    await until(() => seqsOf(subscriber).length >= gateway.events.length, { what: 'all events' })
    expect(seqsOf(subscriber)).toEqual(gateway.events.map(({ seq }) => seq))
    const commands = subscriber.received.filter(({ topic }) => topic.endsWith('/event/command'))
    expect(commands.map(json)).toMatchObject([{ event: 'command', action: 'clear', outcome: 'done', seq: before + 1 }])
    expect(commands.map(json)[0]).not.toHaveProperty('service')
    expect(gateway.sink.health().dropped.cleared).toBe(0)
  })

  it('without a broker, drops them and announces this as soon as there is one', async () => {
    await using broker = await startMosquitto()
    await using link = await startLink(broker.port)
    await link.close()
    await using subscriber = await broker.subscribe('gatewatch/+/event/#')
    await using gateway = startGateway({ config: { url: link.url }, units: [UNIT] })
    gateway.fail(UNIT, 5)
    const before = gateway.state().seq
    await clear(gateway)
    gateway.start(UNIT)
    expect(gateway.sink.health()).toMatchObject({ dropped: { cleared: before } })
    await link.open()
    await drained(gateway)
    await until(() => subscriber.received.length >= 3, { what: 'the record and two events' })
    expect(subscriber.received.map(json)).toMatchObject([
      { event: 'dropped', from_seq: 1, to_seq: before, dropped: before, by_reason: { cleared: before } },
      { event: 'command', action: 'clear', seq: before + 1 },
      { event: 'start', service: UNIT, seq: before + 2, counters: { starts: 1, crashes: 0 } },
    ])
  })
})
