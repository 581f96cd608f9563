// Renders scrapes with prom-client's registry, in Prometheus' text format 0.0.4 and in OpenMetrics 1.0.0.
import type { Metric, MetricValue, MetricValues, Registry } from 'prom-client/lib/registry.js'
import type { FamilyOf, Sample } from './family.ts'
import { createLabelReuse } from './label-reuse.ts'
import { createTimeSlices, type TimeSlices } from './time-slices.ts'

export type Format = 'text' | 'openmetrics'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** Larger families are rendered in parts, so that signals do not wait: 1,000 samples took 31 ms in a first scrape. */
const SAMPLES_PER_PART = 200

/** Renders one scrape, in which every family is a view of the same input. */
export type Render<R> = (input: R) => Promise<string>

/** A registry for one format. It stores no values and renders one scrape at a time: another one meanwhile is refused. */
export async function createExposition<R extends object>(
  families: readonly FamilyOf<R>[],
  format: Format,
): Promise<Render<R>> {
  const { default: Registry } = await import('prom-client/lib/registry.js') // loaded by the first scrape
  const registry = new Registry(CONTENT_TYPES[format])
  let reading: R | null = null
  const renderers = families.map((family) => {
    const metric = metricOf(family, format, () => (reading === null ? [] : family.samples(reading)))
    registry.registerMetric(metric)
    return createFamilyRenderer(registry, metric, family.derivedFrom)
  })
  return async (input) => {
    if (reading !== null) throw new Error('the registry is rendering another scrape')
    reading = input
    try {
      const nextSlice = createTimeSlices()
      let text = ''
      for (const render of renderers) {
        const rendered = render(input, nextSlice)
        text += typeof rendered === 'string' ? rendered : await rendered
      }
      return format === 'openmetrics' ? `${text}# EOF\n` : text
    } finally {
      reading = null
    }
  }
}

/** A single scrape. */
export async function exposition<R extends object>(
  families: readonly FamilyOf<R>[],
  input: R,
  format: Format,
): Promise<string> {
  return (await createExposition(families, format))(input)
}

/** The text of a family in a scrape; at once if it is that of the last scrape. */
type FamilyRenderer<R> = (input: R, nextSlice: TimeSlices) => string | Promise<string>

/** Keeps the text of a family until a sample changes: most samples of a scrape are those of the last one. */
function createFamilyRenderer<R>(
  registry: Registry,
  metric: Metric,
  derivedFrom: FamilyOf<R>['derivedFrom'] = undefined,
): FamilyRenderer<R> {
  let last: { readonly sources: readonly object[]; readonly values: readonly MetricValue[]; readonly text: string } = {
    sources: [],
    values: [],
    text: '',
  }
  return (input, nextSlice) => {
    const sources = derivedFrom?.(input) ?? []
    if (sources.length > 0 && sources.every((source, i) => source === last.sources[i])) return last.text
    const family = metric.get()
    const { values } = family
    if (values.length <= SAMPLES_PER_PART && sameValues(values, last.values)) {
      last = { ...last, sources }
      return last.text
    }
    return familyText(registry, family, nextSlice).then((text) => {
      last = { sources, values: values.length <= SAMPLES_PER_PART ? values : [], text }
      return text
    })
  }
}

function sameValues(values: readonly MetricValue[], last: readonly MetricValue[]): boolean {
  return values.length === last.length && values.every((value, i) => isSame(value, last[i]))
}

/** The labels are the same object if they are the same. */
function isSame(a: MetricValue, b: MetricValue | undefined): boolean {
  return (
    b !== undefined && Object.is(a.value, b.value) && a.sharedLabels === b.sharedLabels && a.metricName === b.metricName
  )
}

/** With HELP and TYPE; empty if the family has no sample. Yields to the event loop in between. */
async function familyText(registry: Registry, family: MetricValues, nextSlice: TimeSlices): Promise<string> {
  let text = ''
  for (let from = 0; from < family.values.length; from += SAMPLES_PER_PART) {
    const part = { ...family, values: family.values.slice(from, from + SAMPLES_PER_PART) }
    const lines = withNaN(await registry.getMetricsAsString({ get: () => part }), part.values)
    text += from === 0 ? lines : withoutHeader(lines)
    text += '\n'
    const pause = nextSlice()
    if (pause !== null) await pause
  }
  return text
}

/** The registry writes `Nan`. */
function withNaN(lines: string, values: readonly MetricValue[]): string {
  return values.some(({ value }) => Number.isNaN(value)) ? lines.replace(/^([^#].* )Nan$/gm, '$1NaN') : lines
}

/** The lines without the first two, HELP and TYPE. */
function withoutHeader(lines: string): string {
  return lines.slice(lines.indexOf('\n', lines.indexOf('\n') + 1) + 1)
}

function metricOf<R>(family: FamilyOf<R>, format: Format, samples: () => readonly Sample[]): Metric {
  const { type, help } = family
  // In OpenMetrics, the registry appends `_total` to the samples of a counter.
  const name = format === 'openmetrics' && type === 'counter' ? family.name.replace(/_total$/, '') : family.name
  const labelsOf = createLabelReuse()
  const values = () =>
    samples().map(({ labels, value, suffix }, i): MetricValue => {
      return { metricName: suffix && name + suffix, sharedLabels: labelsOf(i, labels), value }
    })
  return { name, help, type, get: () => ({ name, help, type, values: values() }) }
}
