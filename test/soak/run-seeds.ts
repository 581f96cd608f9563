// Runs many seeds, several at a time, and returns totals by variant and the seeds that failed.
import { type Outcome, runPlan } from './drive.ts'
import { type Plan, planOf, type Variant } from './plan.ts'

export interface SeedsOptions {
  readonly seed: number
  readonly seeds: number
  /** A time of `performance.now`. */
  readonly untilMs: number
  readonly variants: readonly Variant[]
  readonly actions: number
  readonly rigs: number
  readonly onDone?: (totals: SoakTotals) => void
  readonly onFailure?: (failure: Failure) => void
  readonly onInconclusive?: (reason: string) => void
}

export interface SoakTotals {
  readonly seeds: number
  /** Seeds with a CPU hog. */
  readonly hogs: number
  readonly actions: number
  readonly starts: number
  readonly stops: number
  readonly crashes: number
  readonly lost: number
  /** Seeds with at least one difference. */
  readonly differences: number
  /** Seeds whose expected runs are incomplete; they prove nothing. */
  readonly inconclusive: number
}

export interface Failure {
  readonly plan: Plan
  readonly outcome: Outcome
}

export interface SoakResult {
  readonly totals: SoakTotals
  readonly byVariant: ReadonlyMap<Variant, SoakTotals>
  readonly failures: readonly Failure[]
  /** Why seeds were inconclusive. */
  readonly inconclusive: readonly string[]
}

/** An error message longer than this is truncated. */
const MAX_ERROR_LENGTH = 200

/** Runs consecutive seeds, each with the next variant. */
export async function runSeeds(options: SeedsOptions): Promise<SoakResult> {
  const byVariant = new Map(options.variants.map((variant) => [variant, NONE]))
  const failures: Failure[] = []
  const inconclusive: string[] = []
  const total = () => [...byVariant.values()].reduce(sum, NONE)
  let next = 0

  const record = (plan: Plan, outcome: Outcome | Error) => {
    const missing = outcome instanceof Error ? [outcome.message.slice(0, MAX_ERROR_LENGTH)] : outcome.missingEvidence
    for (const reason of missing) {
      inconclusive.push(`seed ${plan.seed} (${plan.variant}): ${reason}`)
      options.onInconclusive?.(`seed ${plan.seed} (${plan.variant}): ${reason}`)
    }
    const counted = outcome instanceof Error ? NONE : outcome
    const { starts, stops, crashes, lost } = counted
    const differs = missing.length === 0 && !(outcome instanceof Error) && outcome.differences.length > 0
    const one: SoakTotals = {
      seeds: 1,
      hogs: plan.hog ? 1 : 0,
      actions: options.actions,
      starts,
      stops,
      crashes,
      lost,
      differences: differs ? 1 : 0,
      inconclusive: missing.length > 0 ? 1 : 0,
    }
    byVariant.set(plan.variant, sum(byVariant.get(plan.variant) ?? NONE, one))
    if (differs) {
      failures.push({ plan, outcome })
      options.onFailure?.({ plan, outcome })
    }
    options.onDone?.(total())
  }
  const worker = async () => {
    while (next < options.seeds && performance.now() < options.untilMs) {
      const variant = options.variants[next % options.variants.length] ?? 'connected'
      const plan = planOf(options.seed + next, variant, options.actions)
      next += 1
      record(plan, await runPlan(plan).catch((error: Error) => error))
    }
  }
  await Promise.all(Array.from({ length: options.rigs }, worker))
  return { totals: total(), byVariant, failures, inconclusive }
}

const NONE: SoakTotals = {
  seeds: 0,
  hogs: 0,
  actions: 0,
  starts: 0,
  stops: 0,
  crashes: 0,
  lost: 0,
  differences: 0,
  inconclusive: 0,
}

function sum(a: SoakTotals, b: SoakTotals): SoakTotals {
  const keys = Object.keys(NONE) as (keyof SoakTotals)[]
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as SoakTotals
}
