// Metric families of the HTTP server: requests and their durations.
import { counter, type Family, histogramSamples } from '../family.ts'

export const httpFamilies: readonly Family[] = [
  {
    name: 'gatewatch_http_requests_total',
    type: 'counter',
    help: 'HTTP requests, by route and status code.',
    samples: ({ http }) => http.requests.map(({ route, code, count }) => ({ labels: { route, code }, value: count })),
  },
  {
    name: 'gatewatch_http_request_seconds',
    type: 'histogram',
    help: 'HTTP response time, until the client has received the response, by route.',
    samples: ({ http }) => {
      return Object.entries(http.seconds).flatMap(([route, took]) => histogramSamples(took, { route }))
    },
  },
  counter(
    'gatewatch_http_stream_clients_dropped_total',
    'Event stream clients disconnected because they read too slowly or sent too much.',
    (r) => {
      return r.http.streamClientsDropped
    },
  ),
]
