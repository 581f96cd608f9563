// Prints what the README says of MQTT: `npm run bench:mqtt -- kills [N]`, `latency [N]`.
import { killBroker } from '../mqtt/broker-kills.ts'
import { measureLatency } from './latency.ts'

const [what = 'latency', number] = process.argv.slice(2)
const say = (name: string, value: unknown) => console.log(`${name.padEnd(55)} ${value}`)

switch (what) {
  case 'kills':
    for (const [name, value] of Object.entries(await killBroker(Number(number ?? 1000), Math.random))) say(name, value)
    break
  case 'latency': {
    const { atSubscriber, atAgent } = await measureLatency(Number(number ?? 300))
    say(`SIGKILL to the agent knowing, ${atAgent.length} kills`, quantiles(atAgent))
    say('SIGKILL to the message at a subscriber', quantiles(atSubscriber))
    break
  }
  default:
    throw new Error(`what is ${what}? kills [N] or latency [N]`)
}

function quantiles(values: readonly number[]): string {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => (sorted[Math.ceil(part * sorted.length) - 1] ?? Number.NaN).toFixed(1)
  return `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`
}
