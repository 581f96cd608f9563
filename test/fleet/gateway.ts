// A simulated gateway: real scrape inputs of literal units with MQTT, whose counters change as they are read.
import type { Instant } from '../../src/core/observation.ts'
import type { Counters, Unit } from '../../src/core/unit.ts'
import type { ScrapeInput } from '../../src/metrics/scrape-input.ts'
import { runningUnit, scrapeInput, state } from '../metrics/scrape-inputs.ts'

const UNITS_EACH = 12
/** Each gateway has one crash and restart per this many readings. */
const CRASH_EVERY_READINGS = 20

const names = Array.from({ length: UNITS_EACH }, (_, i) => `unit-number-${i}.service`)

/** Returns the function that reads gateway gw-NUMBER at an instant of its own clock. */
export function simulatedGateway(number: number): (now: Instant) => ScrapeInput {
  let units = names.map((name) => runningUnit(name))
  let readings = number // spreads the crashes of the gateways over the readings
  return (now) => {
    readings += 1
    if (readings % CRASH_EVERY_READINGS === 0) {
      const which = (readings / CRASH_EVERY_READINGS) % UNITS_EACH
      units = units.map((unit, i) => (i === which ? crashed(unit) : unit))
    }
    const facts = scrapeInput(units)
    const mqtt = {
      connected: true,
      problem: null,
      sharedClientId: null,
      queued: 0,
      published: 3 * readings,
      eventsPublished: readings,
    }
    const dropped = { overflow: 0, forgotten: 0, too_large: 0, refused: 0, cleared: 0 }
    const refused = { state: 0, event: 0, agent: 0, discovery: 0, thinedge: 0, subscribe: 0 }
    return {
      ...facts,
      live: state(units),
      committed: state(units),
      now,
      bus: { ...facts.bus, signals: 14 * readings },
      mqtt: {
        ...mqtt,
        lostAtMonoMs: null,
        note: null,
        reconnects: 0,
        dropped,
        refused,
        acknowledged: null,
        publishSeconds: null,
      },
      agent: { ...facts.agent, gatewayId: `gw-${number}` },
    }
  }
}

function crashed(unit: Unit): Unit {
  const { starts, crashes, restarts, ...rest } = unit.counters
  const counters: Counters = { ...rest, starts: starts + 1, crashes: crashes + 1, restarts: restarts + 1 }
  const cause = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }
  const failures = { ...unit.failures, signal: { unrequested: counters.crashes, requested: 0 } }
  return { ...unit, counters, failures, lastCrash: { cause, requested: false, thisBoot: true, atMs: Date.now() } }
}
