// Benchmark of a broker outage: a day's events at ten a second, as fast as they can be made; then the broker starts and the outbox drains.
import { at } from '../core/step-driver.ts'
import { crashed, started } from '../mqtt/event.ts'
import { startGateway } from '../mqtt/gateway.ts'
import { subscribeQuickly } from '../mqtt/quick-subscriber.ts'
import { startMosquitto } from '../rig/mosquitto.ts'
import { heapAfterCollecting } from '../rig/process-usage.ts'
import { until } from '../rig/until.ts'

export interface BrokerOutage {
  readonly events: number
  /** The heap after a garbage collection with a full outbox, and by how much it had grown at the end. */
  readonly heapBytes: number
  readonly grownBytes: number
  /** From the connection until a subscriber had received the `dropped` record and the thousand queued events. */
  readonly drainMs: number
  readonly delivered: number
}

const UNITS = Array.from({ length: 12 }, (_, i) => `u${i}.service`)

export async function dayWithoutBroker(events: number): Promise<BrokerOutage> {
  await using broker = await startMosquitto({ stopped: true, config: 'max_inflight_messages 0\nset_tcp_nodelay true' })
  await using gateway = startGateway({ config: { url: broker.url }, units: UNITS, speed: 1 })
  const state = gateway.state()
  const publish = (seq: number) => {
    const event = { ...(seq % 2 === 0 ? crashed(seq) : started(seq)), unit: UNITS[seq % 12] ?? '' }
    gateway.sink.accept({ before: state, after: state, events: [event], at: at(seq) })
  }
  let seq = state.seq
  for (const end = seq + 1000; seq < end; ) publish(++seq)
  await until(() => gateway.logged.length, { what: 'the first refused connection' })
  const heapBytes = heapAfterCollecting()
  while (seq < events) {
    publish(++seq)
    // lets the attempts to connect run as they would in a real outage
    if (seq % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const grownBytes = heapAfterCollecting() - heapBytes

  await broker.start()
  await using subscriber = await subscribeQuickly(broker.url, 'gatewatch/gw-7/event/+')
  gateway.sink.brokerIsUp()
  await until(() => gateway.sink.health().connected, { what: 'the connection', everyMs: 1 })
  const beganMs = performance.now()
  await until(() => subscriber.received.length >= 1001, { what: 'all queued events', everyMs: 1 })
  return { events, heapBytes, grownBytes, drainMs: performance.now() - beganMs, delivered: subscriber.received.length }
}
