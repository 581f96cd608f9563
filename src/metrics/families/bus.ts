// Whether systemd is heard, and what was heard of it.
import { type Family, flag, histogramSamples, one } from '../family.ts'

export const busFamilies: readonly Family[] = [
  one('gauge', 'gatewatch_bus_connected', '1 while systemd is heard.', (r) => flag(r.bus.connected)),
  one('counter', 'gatewatch_bus_signals_total', 'Signals read from the bus.', (r) => r.bus.signals),
  one('counter', 'gatewatch_bus_malformed_total', 'Signals that could not be decoded.', (r) => r.bus.malformed),
  one('counter', 'gatewatch_bus_reconnects_total', 'Connections made anew.', (r) => r.bus.reconnects),
  {
    name: 'gatewatch_bus_call_seconds',
    type: 'histogram',
    help: 'How long systemd took to be read (GetAll), and other calls to be answered.',
    samples: ({ bus }) => {
      return Object.entries(bus.callSeconds).flatMap(([method, took]) => histogramSamples(took, { method }))
    },
  },
  one('counter', 'gatewatch_reconcile_corrections_total', 'Events that no signal told, found by reading.', (r) => {
    return r.live.corrections
  }),
]
