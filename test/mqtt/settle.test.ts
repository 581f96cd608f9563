// `mqtt.settle`: after a reconnection, events wait until subscribers had time to reconnect, too; states do not wait.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Clock } from '../../src/ports.ts'
import { MOSQUITTO, type Mosquitto, type Subscriber, startMosquitto } from '../rig/mosquitto.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { brokerFile } from './broker-file.ts'
import { type Gateway, startGateway } from './gateway.ts'
import { startLink } from './link.ts'
import { connected, drained, eventsOf, seqsOf } from './received.ts'
import { SETTLE_SECONDS, settleClock } from './settle-clock.ts'

const UNIT = 'mosquitto.service'
const EVENTS = 'gatewatch/gw-7/event/+'
function start(broker: { readonly url: string }, clock: Clock, settle = SETTLE_SECONDS): Gateway {
  return startGateway({ config: { url: broker.url, settle }, units: [UNIT], clock })
}

/** Without repetitions: a broker that was killed may deliver again what a session had received. */
const onceOf = (subscriber: Subscriber) => [...new Set(seqsOf(subscriber))]

/** The broker has the state of the unit after this many crashes. */
async function stateArrived(broker: Mosquitto, crashes: number): Promise<void> {
  const topic = `gatewatch/gw-7/unit/${UNIT}/state`
  await until(async () => JSON.parse((await broker.retained(topic))[topic] ?? '{}').counters?.crashes, {
    what: `the state after ${crashes} crashes`,
    is: (found) => found === crashes,
  })
}

describeUnless(missingPrograms(...MOSQUITTO), 'after a reconnection', () => {
  it('a crash of the broker reaches subscribers with and without a session, three times; its state is there at once', async () => {
    await using broker = await startMosquitto(brokerFile('sessions'))
    await using session = await broker.subscribe(EVENTS, '-c', '-x', '3600')
    await using clean = await broker.subscribe(EVENTS)
    await using cleanQos0 = await broker.subscribe(EVENTS, '-q', '0')
    const database = join(broker.directory, 'mosquitto.db')
    await until(() => existsSync(database) && readFileSync(database).includes('rig-'), {
      what: 'the session to be stored',
    })
    const { clock, pass } = settleClock()
    await using gateway = start(broker, clock)
    await connected(gateway)
    const subscribers = [session, clean, cleanQos0]
    for (let kill = 1; kill <= 3; kill++) {
      const before = gateway.events.map(({ seq }) => seq)
      await broker.kill()
      gateway.fail(UNIT, 1)
      await broker.start()
      gateway.sink.brokerIsUp()
      await connected(gateway)
      await stateArrived(broker, kill)
      await until(() => subscribers.every((one) => one.subscriptions() > kill || one === session), {
        what: 'the subscribers to reconnect',
      })
      expect(subscribers.map(onceOf)).toEqual([before, before, before])
      pass()
      const expected = gateway.events.map(({ seq }) => seq)
      for (const one of subscribers) {
        await until(() => onceOf(one).length, { what: 'the crash', is: (count) => count >= expected.length })
        expect(onceOf(one)).toEqual(expected)
      }
    }
    expect(eventsOf(clean).every((event) => event['replayed'] === true)).toBe(true)
  })

  it('newer events wait behind the held ones, so that numbers only grow', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe(EVENTS)
    await using link = await startLink(broker.port)
    const { clock, pass, holds } = settleClock()
    await using gateway = start(link, clock)
    await connected(gateway)
    await link.close()
    await until(() => !gateway.sink.health().connected, { what: 'the loss' })
    gateway.start(UNIT)
    await link.open()
    await until(holds, { what: 'the hold' })
    gateway.crash(UNIT)
    await stateArrived(broker, 1)
    expect(eventsOf(subscriber)).toEqual([])
    expect(gateway.sink.health().queued).toBe(gateway.events.length)
    pass()
    await drained(gateway)
    await until(() => seqsOf(subscriber).length, { what: 'all', is: (count) => count >= gateway.events.length })
    expect(eventsOf(subscriber)).toMatchObject([
      { event: 'start', seq: 1, replayed: true },
      { event: 'crash', seq: 2, replayed: false },
      { event: 'gave_up', seq: 3, replayed: false },
    ])
  })

  it('does not hold at the first connection, nor when nothing waits', async () => {
    await using broker = await startMosquitto()
    await using link = await startLink(broker.port)
    await link.close()
    const { clock } = settleClock()
    await using gateway = start(link, clock)
    gateway.start(UNIT)
    await link.open()
    await drained(gateway)
    link.cut()
    await until(() => gateway.sink.health().reconnects, { what: 'the second connection' })
    gateway.crash(UNIT)
    await drained(gateway)
  })

  it('does not hold with a settle of 0', async () => {
    await using broker = await startMosquitto()
    await using link = await startLink(broker.port)
    await using gateway = start(link, settleClock().clock, 0)
    await connected(gateway)
    await link.close()
    gateway.start(UNIT)
    await link.open()
    await until(() => gateway.sink.health().reconnects, { what: 'the second connection' })
    await drained(gateway)
  })

  it.each(['clear', 'stop'] as const)('%s publishes held events at once', async (action) => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe(EVENTS)
    await using link = await startLink(broker.port)
    const { clock, holds } = settleClock()
    await using gateway = start(link, clock)
    await connected(gateway)
    await link.close()
    await until(() => !gateway.sink.health().connected, { what: 'the loss' })
    gateway.fail(UNIT, 1)
    await link.open()
    await until(holds, { what: 'the hold' })
    await gateway.sink[action]()
    await until(() => seqsOf(subscriber).length >= 2, { what: 'the events' })
    expect(gateway.sink.health().dropped.cleared).toBe(0)
    expect(holds()).toBe(0)
  })

  it('holds them three times at most if each connection ends before the time is over', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe(EVENTS)
    await using link = await startLink(broker.port)
    const { clock, pass, holds } = settleClock()
    await using gateway = start(link, clock)
    const loseAndWait = async () => {
      link.cut()
      await until(() => !gateway.sink.health().connected, { what: 'the loss' })
      gateway.fail(UNIT, 1)
      await connected(gateway)
    }
    await connected(gateway)
    for (let hold = 1; hold <= 3; hold++) {
      await loseAndWait()
      expect(holds()).toBe(1)
    }
    await loseAndWait()
    expect(holds()).toBe(0)
    await drained(gateway)
    expect(seqsOf(subscriber)).toEqual(gateway.events.map(({ seq }) => seq))
    await loseAndWait() // the next time, it holds again
    expect(holds()).toBe(1)
    pass()
    await drained(gateway)
  })
})
