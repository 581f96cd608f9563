// Content negotiation of a scrape: which of the two formats the Accept header prefers.
import { type MediaRange, prefers } from '../core/views/accept.ts'
import type { Format } from './exposition.ts'

/** OpenMetrics only if the client names it and does not prefer plain text; else plain text. */
export function formatFor(accept: string): Format {
  return prefers(accept, isOpenMetrics, isText) ? 'openmetrics' : 'text'
}

function isOpenMetrics({ type, version }: MediaRange): boolean {
  return type === 'application/openmetrics-text' && (version === null || /^(0\.0\.1|1\.0\.0)$/.test(version))
}

function isText({ type, version }: MediaRange): boolean {
  return type === 'text/plain' && (version === null || version === '0.0.4')
}
