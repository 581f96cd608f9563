// Whether systemd is heard, and what was heard of it.
import { counter, type Family, flag, gauge, histogramSamples } from '../family.ts'

export const busFamilies: readonly Family[] = [
  gauge('gatewatch_bus_connected', '1 while systemd is heard.', (r) => flag(r.bus.connected)),
  counter('gatewatch_bus_signals_total', 'Signals read from the bus.', (r) => r.bus.signals),
  counter('gatewatch_bus_malformed_total', 'Signals that could not be decoded.', (r) => r.bus.malformed),
  counter('gatewatch_bus_reconnects_total', 'Connections made anew.', (r) => r.bus.reconnects),
  {
    name: 'gatewatch_bus_call_seconds',
    type: 'histogram',
    help: 'How long systemd took to be read (GetAll), and other calls to be answered.',
    samples: ({ bus }) => {
      return Object.entries(bus.callSeconds).flatMap(([method, took]) => histogramSamples(took, { method }))
    },
  },
  counter('gatewatch_reconcile_corrections_total', 'Events that no signal told, found by reading.', (r) => {
    return r.live.corrections
  }),
]
