// Prints what the README says of MQTT: `npm run bench:mqtt`, or one of its parts: `npm run bench:mqtt -- kills 1000`.
import { killBrokerUnit, startBrokerUnit } from '../e2e/broker-unit.ts'
import { killBroker } from '../mqtt/broker-kills.ts'
import { dayAway } from './away.ts'
import { measureLatency } from './latency.ts'

const PARTS: Readonly<Record<string, (times: number | undefined) => Promise<void>>> = { latency, away, broker, kills }

const [wanted, times] = process.argv.slice(2)
const part = wanted === undefined ? undefined : PARTS[wanted]
if (wanted !== undefined && part === undefined)
  throw new Error(`${wanted}: not one of ${Object.keys(PARTS).join(', ')}`)
for (const run of part ? [part] : Object.values(PARTS)) await run(times === undefined ? undefined : Number(times))

async function latency(kills = 300): Promise<void> {
  const { whole, onTheBus, fromTheBus } = await measureLatency(kills)
  say(`SIGKILL of a unit until a subscriber had its crash, ${kills} kills`, quantiles(whole))
  say("of that, until systemd's signal was on the bus", quantiles(onTheBus))
  say('and from there, by the agent and the broker', quantiles(fromTheBus))
}

async function away(events = 864_000): Promise<void> {
  const { heapBytes, grownBytes, drainMs, told } = await dayAway(events)
  say(`heap grown by, in ${events} events without a broker`, `${kib(grownBytes)} (to ${kib(heapBytes + grownBytes)})`)
  say(`the ${told} messages that were kept, until a subscriber had them`, `${drainMs.toFixed(0)} ms`)
}

/** mosquitto as a watched unit, killed and left dead for a second each time. */
async function broker(kills = 20): Promise<void> {
  await using gateway = await startBrokerUnit(1)
  const afterMs: number[] = []
  for (let kill = 0; kill < kills; kill++) afterMs.push((await killBrokerUnit(gateway)).afterMs)
  say(`return of a killed broker until its subscriber had its crash, ${kills} kills`, quantiles(afterMs))
}

async function kills(number = 1000): Promise<void> {
  const report = await killBroker(number, Math.random)
  say(`broker killed ${number} times under 20 events a second: events lost`, `${report.lost} of ${report.told}`)
  say('told twice, and the most after one kill', `${report.duplicates}, ${report.duplicatesPerKillAtMost}`)
  say('in order', String(report.inOrder))
}

function say(what: string, value: string): void {
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
