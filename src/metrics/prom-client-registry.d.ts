// Types of the only file of prom-client 15.1.3 that is used; the package has none for it.
declare module 'prom-client/lib/registry.js' {
  export interface MetricValue {
    /** Replaces the name of the metric, in histograms. */
    readonly metricName?: string | undefined
    /** Unlike `labels`, of which there are none here, their text is kept as long as this object exists. */
    readonly sharedLabels: Readonly<Record<string, string>>
    readonly value: number
  }

  export interface MetricValues {
    readonly name: string
    readonly help: string
    readonly type: 'counter' | 'gauge' | 'histogram'
    readonly values: readonly MetricValue[]
  }

  export interface Metric {
    readonly name: string
    readonly help: string
    readonly type: 'counter' | 'gauge' | 'histogram'
    get(): MetricValues
  }

  export interface Registry {
    registerMetric(metric: Metric): void
    getMetricsAsArray(): readonly Metric[]
    getMetricsAsString(metric: Pick<Metric, 'get'>): Promise<string>
  }

  const registry: new (contentType: string) => Registry
  // biome-ignore lint/style/noDefaultExport: the file exports nothing else
  export default registry
}
