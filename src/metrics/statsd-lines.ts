// The families of a scrape as lines of StatsD, with labels as tags (`|#name:value`, which Telegraf, statsd_exporter and Datadog read). Pure.
import type { Family, Labels } from './family.ts'
import type { ScrapeInput } from './scrape-input.ts'

/** A datagram of this size crosses any Ethernet in one piece: 1500 bytes less the headers of IPv6 and UDP. */
const DATAGRAM_BYTES = 1432

/**
 * Every sample as a gauge, counters too: an absolute number that is lost loses nothing, a difference would. A sign makes
 * a gauge relative, so that a negative one is sent as 0 first. Buckets of histograms are left out.
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

/** As few datagrams as hold the lines, each whole; a line that is longer than one is left out. */
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
