// What was asked of us by HTTP, and how long the answers took.
import { counter, type Family, histogramSamples } from '../family.ts'

export const httpFamilies: readonly Family[] = [
  {
    name: 'gatewatch_http_requests_total',
    type: 'counter',
    help: 'Requests answered, by route and status code.',
    samples: ({ http }) => http.requests.map(({ route, code, count }) => ({ labels: { route, code }, value: count })),
  },
  {
    name: 'gatewatch_http_request_seconds',
    type: 'histogram',
    help: 'How long answers took until the client had them, by route.',
    samples: ({ http }) => {
      return Object.entries(http.seconds).flatMap(([route, took]) => histogramSamples(took, { route }))
    },
  },
  counter('gatewatch_http_stream_clients_dropped_total', 'Slow readers of the event stream, cut off.', (r) => {
    return r.http.streamClientsDropped
  }),
]
