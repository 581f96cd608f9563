// A process that simulates many gateways, each at its own address in 127.1.0.0/16, with the real exposition:
// `node --import tsx test/fleet/gateways.ts COUNT PORT`. SIGTERM ends it.
import { createServer } from 'node:http'
import type { Counters, Unit } from '../../src/core/unit.ts'
import { systemClock } from '../../src/host/clock.ts'
import { createResponder } from '../../src/http/respond.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { runningUnit, scrapeInput, state } from '../metrics/scrape-inputs.ts'
import { addressOf, UNITS_EACH } from './addresses.ts'

/** Each gateway has one crash and restart per this many scrapes. */
const CRASH_EVERY_SCRAPES = 20

const [count = 1_000, port = 0] = process.argv.slice(2).map(Number)
const { send } = createResponder()
const names = Array.from({ length: UNITS_EACH }, (_, i) => `unit-number-${i}.service`)

/** A gateway whose counters change as it is scraped. */
function gateway(number: number) {
  let units = names.map((name) => runningUnit(name))
  let scrapes = number // spreads the crashes of the gateways over the scrapes
  const gather = async () => {
    scrapes += 1
    if (scrapes % CRASH_EVERY_SCRAPES === 0) {
      const which = (scrapes / CRASH_EVERY_SCRAPES) % UNITS_EACH
      units = units.map((unit, i) => (i === which ? crashed(unit) : unit))
    }
    const { process: _, ...facts } = scrapeInput(units)
    const now = { monoMs: 86_400_000 + performance.now(), wallMs: Date.now() }
    const mqtt = {
      connected: true,
      problem: null,
      sharedClientId: null,
      queued: 0,
      published: 3 * scrapes,
      eventsPublished: scrapes,
    }
    const dropped = { overflow: 0, forgotten: 0, too_large: 0, refused: 0, cleared: 0 }
    const refused = { state: 0, event: 0, agent: 0, discovery: 0, thinedge: 0, subscribe: 0 }
    return {
      ...facts,
      live: state(units),
      committed: state(units),
      now,
      bus: { ...facts.bus, signals: 14 * scrapes },
      mqtt: { ...mqtt, lostAtMonoMs: null, note: null, reconnects: 0, dropped, refused, acknowledged: null },
      agent: { ...facts.agent, gatewayId: `gw-${number}` },
    }
  }
  return createMetrics(gather, systemClock).scrape
}

function crashed(unit: Unit): Unit {
  const { starts, crashes, restarts, ...rest } = unit.counters
  const counters: Counters = { ...rest, starts: starts + 1, crashes: crashes + 1, restarts: restarts + 1 }
  const cause = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }
  const failures = { ...unit.failures, signal: { unrequested: counters.crashes, requested: 0 } }
  return { ...unit, counters, failures, lastCrash: { cause, requested: false, thisBoot: true, atMs: Date.now() } }
}

const gateways = new Map(Array.from({ length: count }, (_, i) => [addressOf(i), gateway(i)]))
const server = createServer((request, response) => {
  const scrape = gateways.get(request.socket.localAddress ?? '')
  if (scrape === undefined) return void response.writeHead(404).end()
  scrape(request.headers.accept ?? '').then(
    ({ type, body }) => send(request, response, { status: 200, type, body }),
    () => response.destroy(),
  )
})
server.keepAliveTimeout = 75_000
server.listen(port, '0.0.0.0', () => console.log('ready'))
process.once('SIGTERM', () => process.exit(0))
