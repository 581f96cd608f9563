// Limits of the queue and of memory while the broker is unreachable, with a real mosquitto.
import mqttPacket from 'mqtt-packet'
import { expect, it } from 'vitest'
import { at } from '../core/step-driver.ts'
import { freePort, MOSQUITTO, startMosquitto } from '../rig/mosquitto.ts'
import { heapAfterCollecting } from '../rig/process-usage.ts'
import { describeUnless, missingPrograms } from '../rig/unavailable.ts'
import { until } from '../rig/until.ts'
import { crashed, started } from './event.ts'
import { startGateway } from './gateway.ts'
import { drained, eventsOf, seqsOf } from './received.ts'

/** Fifty minutes at 10 a second; a day is 864,000. */
const EVENTS = 30_000

describeUnless(missingPrograms(...MOSQUITTO), 'MQTT within its bounds', () => {
  it('keeps the newest thousand events of a history, and reports the dropped ones', async () => {
    await using broker = await startMosquitto({ config: 'max_inflight_messages 0\nmax_queued_messages 0' })
    await using subscriber = await broker.subscribe('gatewatch/#')
    const history = Array.from({ length: 3000 }, (_, i) => (i % 100 === 0 ? crashed(i + 1) : started(i + 1)))
    await using gateway = startGateway({ config: { url: broker.url }, history, acknowledged: 200, speed: 1 })
    expect(gateway.sink.health()).toMatchObject({
      queued: 1001,
      dropped: { overflow: 1800, forgotten: 0, too_large: 0, refused: 0, cleared: 0 },
    })
    await drained(gateway)
    await until(() => eventsOf(subscriber).length === 1001, { what: 'all of them' })

    const [record, ...events] = eventsOf(subscriber)
    expect(record).toMatchObject({ event: 'dropped', from_seq: 202, dropped: 1800, by_kind: { start: 1800 } })
    expect(events.filter((e) => e['event'] === 'crash').map((e) => e['seq'])).toEqual(
      Array.from({ length: 28 }, (_, i) => 201 + i * 100),
    )
    expect(events.every((e) => e['replayed'] === true)).toBe(true)
    expect(seqsOf(subscriber).slice(1)).toEqual(
      seqsOf(subscriber)
        .slice(1)
        .toSorted((a, b) => a - b),
    )
    expect(gateway.acknowledged.at(-1)).toBe(3000)
    expect(gateway.acknowledged.at(0)).toBeGreaterThan(200)
  })

  it('continues after the last acknowledged event when it is restarted', async () => {
    await using broker = await startMosquitto()
    await using subscriber = await broker.subscribe('gatewatch/#')
    const first = startGateway({ config: { url: broker.url }, units: ['a.service'], speed: 1 })
    first.fail('a.service', 3)
    await drained(first)
    await first.stop()
    first.fail('a.service', 2)
    const acknowledged = first.acknowledged.at(-1) ?? null
    await using second = startGateway({
      config: { url: broker.url },
      from: first.state(),
      history: first.events,
      acknowledged,
    })
    await drained(second)
    await until(() => seqsOf(subscriber).length >= first.events.length, { what: 'all events' })
    expect(seqsOf(subscriber)).toEqual(first.events.map((e) => e.seq))
    expect(first.events.at(-1)?.seq).toBeGreaterThan(acknowledged ?? 0)
  })
})

it('keeps no buffer for each of the 65,536 packet ids', async () => {
  await using gateway = startGateway({ config: { url: `mqtt://127.0.0.1:${await freePort()}` } })
  await until(() => gateway.logged.length >= 1, { what: 'the first attempt to connect' })
  expect(Reflect.get(mqttPacket.writeToStream, 'cacheNumbers')).toBe(false)
})

it('grows by less than 1 MiB while the broker is unreachable', async () => {
  const gateway = startGateway({ config: { url: `mqtt://127.0.0.1:${await freePort()}` }, units: ['a.service'] })
  const state = gateway.state()
  const accept = (from: number, to: number) => {
    for (let seq = from; seq <= to; seq++) {
      const event = seq % 7 === 0 ? crashed(seq) : started(seq)
      gateway.sink.accept({ before: state, after: state, events: [event], at: at(seq) })
    }
  }
  accept(1, 1000)
  await until(() => gateway.logged.length >= 1, { what: 'the first failed attempt' })
  const before = heapAfterCollecting()
  accept(1001, EVENTS)
  expect(heapAfterCollecting() - before).toBeLessThan(1_048_576)
  expect(gateway.sink.health()).toMatchObject({ queued: 1001, dropped: { overflow: EVENTS - 1000 } })
  expect(gateway.logged.filter((line) => line.includes('the event queue is full'))).toHaveLength(1)
  await gateway.stop()
})
