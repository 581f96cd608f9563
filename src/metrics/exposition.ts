// Writes the text of a scrape, in Prometheus' text format 0.0.4 and in OpenMetrics 1.0.0.
//
// Why not prom-client: its registry stores values, whereas our families are views of State, and it can write only one
// of the two formats. Measured for 12 units (Node 20, x64, bundled), its first scrape blocked the event loop for 20 ms
// instead of 1, each later scrape took 0.9 ms of CPU instead of 0.2, and it kept 1 MB of memory.
import type { FamilyOf, Labels, Sample } from './family.ts'
import { createTimeSlices } from './time-slices.ts'

export type Format = 'text' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** All families that have a sample, with HELP and TYPE. With many units it yields to the event loop in between. */
export async function exposition<R>(families: readonly FamilyOf<R>[], input: R, format: Format): Promise<string> {
  const nextSlice = createTimeSlices()
  let text = ''
  for (const family of families) {
    text += familyText(family, family.samples(input), format)
    await nextSlice()
  }
  return format === 'openmetrics' ? `${text}# EOF\n` : text
}

function familyText<R>(family: FamilyOf<R>, samples: readonly Sample[], format: Format): string {
  if (samples.length === 0) return ''
  // OpenMetrics names a counter's family without the suffix that its samples have.
  const named = format === 'openmetrics' && family.type === 'counter' ? family.name.replace(/_total$/, '') : family.name
  let text = `# HELP ${named} ${helpText(family.help, format)}\n# TYPE ${named} ${family.type}\n`
  for (const { labels, value, suffix } of samples) {
    text += `${family.name}${suffix ?? ''}${labelsText(labels)} ${valueText(value)}\n`
  }
  return text
}

function labelsText(labels: Labels): string {
  let text = ''
  for (const name in labels) {
    const value = labels[name]
    // In Prometheus, an empty label value means the same as no label.
    if (value) text += `${text === '' ? '' : ','}${name}="${escaped(value)}"`
  }
  return text === '' ? '' : `{${text}}`
}

/** Escapes a label value: backslash, quote and line feed, in both formats. Unit names can contain backslashes. */
export function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`)) : value
}

/** Escapes a HELP text; quotes only in OpenMetrics. */
function helpText(help: string, format: Format): string {
  const text = help.replace(/\\/g, '\\\\').replace(/\n/g, '\\n')
  return format === 'openmetrics' ? text.replace(/"/g, '\\"') : text
}

export function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf'
}
