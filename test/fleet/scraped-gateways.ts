// A process that simulates many gateways, each at its own address in 127.1.0.0/16, with the real exposition:
// `node --import tsx test/fleet/scraped-gateways.ts COUNT PORT`. SIGTERM ends it.
import { createServer } from 'node:http'
import { systemClock } from '../../src/host/clock.ts'
import { createResponder } from '../../src/http/respond.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { addressOf } from './addresses.ts'
import { simulatedGateway } from './gateway.ts'

const [count = 1_000, port = 0] = process.argv.slice(2).map(Number)
const { send } = createResponder((address) => address)

function scrapeOf(number: number) {
  const read = simulatedGateway(number)
  const gather = async () => read({ monoMs: 86_400_000 + performance.now(), wallMs: Date.now() })
  return createMetrics(gather, systemClock).scrape
}

const scrapes = new Map(Array.from({ length: count }, (_, i) => [addressOf(i), scrapeOf(i)]))
const server = createServer((request, response) => {
  const scrape = scrapes.get(request.socket.localAddress ?? '')
  if (scrape === undefined) return void response.writeHead(404).end()
  scrape(request.headers.accept ?? '').then(
    ({ type, body }) => send(request, response, { status: 200, type, body }),
    () => response.destroy(),
  )
})
server.keepAliveTimeout = 75_000
server.listen(port, '0.0.0.0', () => console.log('ready'))
process.once('SIGTERM', () => process.exit(0))
