// Metric families of the D-Bus connection to systemd.
import { counter, type Family, flag, gauge, histogramSamples } from '../family.ts'

export const busFamilies: readonly Family[] = [
  gauge('gatewatch_bus_connected', '1 while connected to systemd over D-Bus.', (r) => flag(r.bus.connected)),
  counter('gatewatch_bus_signals_total', 'D-Bus signals received.', (r) => r.bus.signals),
  counter(
    'gatewatch_bus_malformed_total',
    'D-Bus messages dropped because malformed or too large.',
    (r) => r.bus.malformed,
  ),
  counter('gatewatch_bus_reconnects_total', 'Reconnections to D-Bus.', (r) => r.bus.reconnects),
  {
    name: 'gatewatch_bus_call_seconds',
    type: 'histogram',
    help: 'Duration of D-Bus calls: GetAll, which reads the properties of a unit, and all others.',
    samples: ({ bus }) => {
      return Object.entries(bus.callSeconds).flatMap(([method, took]) => histogramSamples(took, { method }))
    },
  },
  {
    name: 'gatewatch_bus_calls_failed_total',
    type: 'counter',
    help: 'D-Bus calls to systemd and to the bus that got an error or no reply, by method.',
    samples: ({ bus }) => Object.entries(bus.callsFailed).map(([method, value]) => ({ labels: { method }, value })),
  },
  counter('gatewatch_reconcile_corrections_total', 'Events found by reconciliation, without a signal.', (r) => {
    return r.live.corrections
  }),
]
