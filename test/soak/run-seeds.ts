// Runs many seeds, several at a time, and returns totals and the seeds that failed.
import { type Outcome, runPlan } from './drive.ts'
import { type Plan, planOf, type Variant } from './plan.ts'

export interface SeedsOptions {
  readonly seed: number
  readonly seeds: number
  readonly untilMs: number
  readonly variants: readonly Variant[]
  readonly actions: number
  readonly rigs: number
  readonly onDone?: (totals: SoakTotals) => void
  readonly onFailure?: (failure: Failure) => void
}

export interface SoakTotals {
  seeds: number
  actions: number
  starts: number
  stops: number
  crashes: number
  lost: number
  differences: number
  /** Seeds whose expected runs are incomplete; they prove nothing. */
  inconclusive: number
}

export interface Failure {
  readonly plan: Plan
  readonly outcome: Outcome
}

/** An error message longer than this is truncated. */
const MAX_ERROR_LENGTH = 200

/** Runs consecutive seeds, each with the next variant. `untilMs` is a time of `performance.now`. */
export interface SoakResult {
  readonly totals: SoakTotals
  readonly failures: readonly Failure[]
  /** Why seeds were inconclusive. */
  readonly inconclusive: readonly string[]
}

export async function runSeeds(options: SeedsOptions): Promise<SoakResult> {
  const totals: SoakTotals = {
    seeds: 0,
    actions: 0,
    starts: 0,
    stops: 0,
    crashes: 0,
    lost: 0,
    differences: 0,
    inconclusive: 0,
  }
  const failures: Failure[] = []
  const inconclusive: string[] = []
  let next = 0
  const worker = async () => {
    while (next < options.seeds && performance.now() < options.untilMs) {
      const variant = options.variants[next % options.variants.length] ?? 'connected'
      const plan = planOf(options.seed + next, variant, options.actions)
      next += 1
      totals.seeds += 1
      const outcome = await runPlan(plan).catch((error: Error) => error)
      if (outcome instanceof Error) {
        totals.inconclusive += 1
        inconclusive.push(`seed ${plan.seed} (${variant}): ${outcome.message.slice(0, MAX_ERROR_LENGTH)}`)
        continue
      }
      totals.actions += options.actions
      totals.starts += outcome.starts
      totals.stops += outcome.stops
      totals.crashes += outcome.crashes
      totals.lost += outcome.lost
      if (outcome.missingEvidence.length > 0) {
        totals.inconclusive += 1
        inconclusive.push(...outcome.missingEvidence.map((missing) => `seed ${plan.seed} (${variant}): ${missing}`))
      } else if (outcome.differences.length > 0) {
        failures.push({ plan, outcome })
        options.onFailure?.({ plan, outcome })
      }
      totals.differences = failures.length
      options.onDone?.(totals)
    }
  }
  await Promise.all(Array.from({ length: options.rigs }, worker))
  return { totals, failures, inconclusive }
}
