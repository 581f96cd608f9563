// Metric families of the list of watched units: how full it is, and what forgotten units had counted.
import { type Family, gauge, type Sample } from '../family.ts'
import type { ScrapeInput } from '../scrape-input.ts'

const KINDS = ['starts', 'stops', 'crashes', 'lost'] as const

export const watchListFamilies: readonly Family[] = [
  gauge('gatewatch_units_watched', 'Number of watched units.', ({ live }) => live.units.length),
  gauge('gatewatch_units_limit', 'Maximum number of watched units (max_units).', ({ live }) => live.policy.maxUnits),
  {
    name: 'gatewatch_forgotten_runs_total',
    type: 'counter',
    help: 'What instances had counted that are no longer watched because they are over, by template.',
    samples: forgottenRuns,
  },
]

/** As of the last commit, like the counters of a unit. */
function forgottenRuns({ committed }: ScrapeInput): readonly Sample[] {
  return [...committed.forgotten].flatMap(([template, sum]) =>
    KINDS.map((kind) => ({ labels: { template, kind }, value: sum[kind] })),
  )
}
