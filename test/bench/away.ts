// A day without a broker at ten events a second, in as much time as it takes; then the broker comes, and all that waits goes out.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { at } from '../core/step-driver.ts'
import { crashed, started } from '../mqtt/event.ts'
import { startGateway } from '../mqtt/gateway.ts'
import { subscribeQuickly } from '../mqtt/quick-subscriber.ts'
import { startMosquitto } from '../rig/mosquitto.ts'
import { until } from '../rig/until.ts'

export interface Away {
  readonly events: number
  /** The heap after collecting garbage, with the first thousand in the outbox, and how much more it was at the end. */
  readonly heapBytes: number
  readonly grownBytes: number
  /** From the connection until a subscriber had the record of dropped events and the thousand that were kept. */
  readonly drainMs: number
  readonly told: number
}

const UNITS = Array.from({ length: 12 }, (_, i) => `u${i}.service`)

export async function dayAway(events: number): Promise<Away> {
  await using broker = await startMosquitto({ stopped: true, config: 'max_inflight_messages 0\nset_tcp_nodelay true' })
  await using gateway = startGateway({ config: { url: broker.url }, units: UNITS, speed: 1 })
  const state = gateway.state()
  const tell = (seq: number) => {
    const event = { ...(seq % 2 === 0 ? crashed(seq) : started(seq)), unit: UNITS[seq % 12] ?? '' }
    gateway.sink.accept({ before: state, after: state, events: [event], at: at(seq) })
  }
  let seq = state.seq
  for (const end = seq + 1000; seq < end; ) tell(++seq)
  await until(() => gateway.logged.length, { what: 'the first refusal' })
  const heapBytes = heapAfterCollecting()
  while (seq < events) {
    tell(++seq)
    // the attempts to connect go on as they would
    if (seq % 1000 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  const grownBytes = heapAfterCollecting() - heapBytes

  await broker.start()
  await using subscriber = await subscribeQuickly(broker.url, 'gatewatch/gw-7/event/+')
  gateway.sink.brokerIsUp()
  await until(() => gateway.sink.health().connected, { what: 'the connection', everyMs: 1 })
  const beganMs = performance.now()
  await until(() => subscriber.heard.length >= 1001, { what: 'all of it', everyMs: 1 })
  return { events, heapBytes, grownBytes, drainMs: performance.now() - beganMs, told: subscriber.heard.length }
}

/** Collects garbage for sure, so that the heap can be compared. */
export function heapAfterCollecting(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
