// `npm run bench:mqtt`: measures MQTT delivery; `npm run bench:mqtt -- kills 1000` runs one part.
import { killBrokerUnit, startBrokerUnit } from '../e2e/broker-unit.ts'
import { killBroker } from '../mqtt/broker-kills.ts'
import { dayWithoutBroker } from './broker-outage.ts'
import { killAndCount } from './broker-subscribers.ts'
import { measureLatency } from './latency.ts'
import { measureMemory } from './mqtt-memory.ts'

const PARTS: Readonly<Record<string, (times: number | undefined) => Promise<void>>> = {
  latency,
  outage,
  broker,
  subscribers,
  kills,
  memory,
}

/** `mqtt.settle` in seconds: the default, and without a hold. */
const SETTLES = [3, 0]
/** Longer than a slow subscriber needs to reconnect. */
const LONG_SETTLE = 15

const [wanted, times] = process.argv.slice(2)
const part = wanted === undefined ? undefined : PARTS[wanted]
if (wanted !== undefined && part === undefined)
  throw new Error(`${wanted}: unknown part, use one of ${Object.keys(PARTS).join(', ')}`)
for (const run of part ? [part] : Object.values(PARTS)) await run(times === undefined ? undefined : Number(times))

async function latency(kills = 300): Promise<void> {
  const { total, toBus, fromBus } = await measureLatency(kills)
  print(`SIGKILL of a unit to its crash event at a subscriber, ${kills} kills`, quantiles(total))
  print("  of that, until systemd's signal was on the bus", quantiles(toBus))
  print('  of that, in the agent and the broker', quantiles(fromBus))
}

async function outage(events = 864_000): Promise<void> {
  const { heapBytes, grownBytes, drainMs, delivered } = await dayWithoutBroker(events)
  print(
    `heap growth during ${events} events without a broker`,
    `${kib(grownBytes)} (to ${kib(heapBytes + grownBytes)})`,
  )
  print(`delivery of the ${delivered} queued messages to a subscriber`, `${drainMs.toFixed(0)} ms`)
}

/** mosquitto as a watched unit, killed and restarted after a second each time. */
async function broker(kills = 20): Promise<void> {
  for (const settle of SETTLES) {
    await using gateway = await startBrokerUnit(1, { GATEWATCH_MQTT_SETTLE: String(settle) })
    const afterMs: number[] = []
    for (let kill = 0; kill < kills; kill++) afterMs.push((await killBrokerUnit(gateway)).afterMs)
    const what = `restart of a killed broker to its own crash event, ${kills} kills, settle ${settle}`
    print(what, quantiles(afterMs))
  }
}

/** The same, with subscribers of several kinds: how many of the crash events each received. */
async function subscribers(kills = 50): Promise<void> {
  for (const settle of [...SETTLES, LONG_SETTLE]) {
    print(`the broker killed ${kills} times, settle ${settle}: received crash events`, '')
    for (const { kind, crashes, repeated } of await killAndCount(kills, settle))
      print(`  ${kind}`, `${crashes} of ${kills}, ${repeated} repeated`)
  }
}

async function kills(number = 1000): Promise<void> {
  const report = await killBroker(number, Math.random)
  print(`broker killed ${number} times at 20 events a second: events lost`, `${report.lost} of ${report.events}`)
  print('  duplicates, and the most after a single kill', `${report.duplicates}, ${report.duplicatesPerKillAtMost}`)
  print('  in order', String(report.inOrder))
}

async function memory(): Promise<void> {
  const { withoutMb, withMb } = await measureMemory()
  print('RssAnon idle, 12 units, without MQTT', `${withoutMb.toFixed(1)} MB`)
  print('  and connected to a broker', `${withMb.toFixed(1)} MB`)
}

function print(what: string, value: string): void {
  console.log(`${what.padEnd(75)} ${value}`)
}

function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(0)} KiB`
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => (sorted[Math.ceil(part * sorted.length) - 1] ?? Number.NaN).toFixed(1)
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`
}
