// Counts how many of the broker's own crash events reach each kind of subscriber, with mosquitto as a unit of a real systemd.
import { killBrokerUnit, startBrokerUnit } from '../e2e/broker-unit.ts'
import { subscribeQuickly } from '../mqtt/quick-subscriber.ts'
import { startSubscriber } from '../rig/mosquitto-sub.ts'
import { until } from '../rig/until.ts'

interface Counted {
  readonly kind: string
  /** Crash events of the broker that it received; each once. */
  readonly crashes: number
  readonly repeated: number
}

interface Counter extends AsyncDisposable {
  readonly kind: string
  readonly received: readonly { readonly topic: string; readonly payload: string }[]
  /** How often it has connected. */
  connections(): number
}

const FILTER = 'gatewatch/#'
/** As Home Assistant does. */
const SLOW_MS = 10_000

/** mosquitto_sub, which tries to reconnect every second. The broker sends it a retained message each time it subscribes. */
async function startSub(kind: string, port: string, ...args: string[]): Promise<Counter> {
  const subscriber = await startSubscriber(() => 1, ['-h', '127.0.0.1', '-p', port, '-t', FILTER, ...args])
  const { received } = subscriber
  const connections = () => received.filter(({ topic, retain }) => retain && topic.endsWith('/availability')).length
  return { kind, received, connections, [Symbol.asyncDispose]: subscriber.stop }
}

/** A client of mqtt.js with a clean session. */
async function startClient(kind: string, url: string, reconnectMs: number): Promise<Counter> {
  const subscriber = await subscribeQuickly(url, FILTER, undefined, reconnectMs)
  const { received, subscriptions } = subscriber
  return { kind, received, connections: subscriptions, [Symbol.asyncDispose]: () => subscriber[Symbol.asyncDispose]() }
}

/** Kills the broker each time when all subscribers are connected; systemd restarts it after a second. */
export async function killAndCount(kills: number, settle: number): Promise<readonly Counted[]> {
  await using gateway = await startBrokerUnit(1, { GATEWATCH_MQTT_SETTLE: String(settle) })
  const { port } = new URL(gateway.url)
  await using session = await startSub('persistent session, QoS 1, back within a second', port, '-c', '-x', '3600')
  await using clean = await startSub('clean session, QoS 1, back within a second', port)
  await using qos0 = await startSub('clean session, QoS 0, back within a second', port, '-q', '0')
  await using slow = await startClient('clean session, back within 10 s', gateway.url, SLOW_MS)
  const counters = [session, clean, qos0, slow]
  for (let kill = 1; kill <= kills; kill++) {
    for (const counter of counters) {
      const what = `${counter.kind}: connection ${kill}`
      await until(() => counter.connections() >= kill, { what, timeoutMs: 60_000 })
    }
    await killBrokerUnit(gateway)
  }
  await until(() => slow.connections() > kills, { what: 'the last connection', timeoutMs: 60_000 })
  return counters.map((counter) => {
    const ids = counter.received
      .filter(({ topic }) => topic.endsWith('/event/crash'))
      .map(({ payload }) => idOf(payload))
    const crashes = new Set(ids).size
    return { kind: counter.kind, crashes, repeated: ids.length - crashes }
  })
}

function idOf(payload: string): string {
  return String(JSON.parse(payload).id)
}
