// Content negotiation of a scrape: which of the two formats the Accept header prefers (RFC 9110, 12.5.1).
import type { Format } from './exposition.ts'

interface Range {
  readonly type: string
  readonly version: string | null
  readonly q: number
}

/** OpenMetrics only if the client names it and does not prefer plain text; else plain text. */
export function formatFor(accept: string): Format {
  const ranges = accept.split(',').map(range)
  const best = (fits: (r: Range) => boolean) => Math.max(0, ...ranges.filter(fits).map((r) => r.q))
  const open = best((r) => {
    return r.type === 'application/openmetrics-text' && (r.version === null || /^(0\.0\.1|1\.0\.0)$/.test(r.version))
  })
  const text = best((r) => r.type === 'text/plain' && (r.version === null || r.version === '0.0.4'))
  return open > 0 && open >= text ? 'openmetrics' : 'text'
}

function range(text: string): Range {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const value = (name: string) => parameters.find((p) => p.startsWith(`${name}=`))?.slice(name.length + 1) ?? null
  const q = Number(value('q') ?? 1)
  return { type, version: value('version')?.replaceAll('"', '') ?? null, q: q >= 0 && q <= 1 ? q : 0 }
}
