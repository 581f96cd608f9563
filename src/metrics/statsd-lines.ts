// Formats the metric families as StatsD lines, with labels as tags (`|#name:value`, as Telegraf, statsd_exporter and
// Datadog read them).
import type { Family, Labels } from './family.ts'
import type { ScrapeInput } from './scrape-input.ts'

/** The largest datagram that Ethernet carries unfragmented: 1500 bytes less the IPv6 and UDP headers. */
const DATAGRAM_BYTES = 1432

/**
 * Sends every sample as a gauge, including counters: if a datagram is lost, the next one has the absolute value again.
 * In StatsD a sign makes a gauge relative, so a negative value is preceded by 0. Histogram buckets are left out.
 */
export function statsdLines(families: readonly Family[], input: ScrapeInput): string[] {
  const lines: string[] = []
  for (const family of families) {
    for (const { labels, value, suffix } of family.samples(input)) {
      if (suffix === '_bucket' || !Number.isFinite(value)) continue
      const line = (number: number) => `${family.name}${suffix ?? ''}:${number}|g${tags(labels)}`
      lines.push(value < 0 ? `${line(0)}\n${line(value)}` : line(value))
    }
  }
  return lines
}

function tags(labels: Labels): string {
  const all = Object.entries(labels).filter(([, value]) => value !== '')
  return all.length === 0
    ? ''
    : `|#${all.map(([name, value]) => `${name}:${value.replace(/[|,#\s]/g, '_')}`).join(',')}`
}

/** Packs the lines into as few datagrams as possible without splitting a line; a line that does not fit is left out. */
export function datagrams(lines: readonly string[]): string[] {
  const packed: string[] = []
  let open = ''
  for (const line of lines) {
    if (Buffer.byteLength(line) > DATAGRAM_BYTES) continue
    if (open !== '' && Buffer.byteLength(open) + 1 + Buffer.byteLength(line) > DATAGRAM_BYTES) {
      packed.push(open)
      open = ''
    }
    open = open === '' ? line : `${open}\n${line}`
  }
  return open === '' ? packed : [...packed, open]
}
