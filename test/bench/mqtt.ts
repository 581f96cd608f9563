// Prints what the README says of MQTT: `npm run bench:mqtt -- kills [N]`.
import { killBroker } from '../mqtt/broker-kills.ts'

const [what = 'kills', number] = process.argv.slice(2)

if (what === 'kills') {
  const report = await killBroker(Number(number ?? 1000), Math.random)
  for (const [name, value] of Object.entries(report)) console.log(`${name.padEnd(26)} ${value}`)
}
