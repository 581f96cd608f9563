// Content negotiation of a scrape: which of the two formats the Accept header prefers.
import { keepingLast, prefers } from '../core/views/accept.ts'
import type { Format } from './exposition.ts'

const OPENMETRICS = { name: 'application/openmetrics-text', versions: ['0.0.1', '1.0.0'] }
const TEXT = { name: 'text/plain', versions: ['0.0.4'] }

/** Text, unless the client prefers OpenMetrics, or names it with the same quality. */
export const formatFor = keepingLast((accept: string): Format => {
  return prefers(accept, OPENMETRICS, TEXT) ? 'openmetrics' : 'text'
})
