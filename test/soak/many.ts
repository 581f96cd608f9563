// Many seeds, several systemds at a time; what they add up to, and the seeds that failed.
import { drive, type Outcome } from './drive.ts'
import { type Plan, planOf, type Variant } from './plan.ts'

export interface Many {
  readonly seed: number
  readonly seeds: number
  readonly untilMs: number
  readonly variants: readonly Variant[]
  readonly actions: number
  readonly rigs: number
  readonly onDone?: (sums: Sums) => void
}

export interface Sums {
  seeds: number
  actions: number
  starts: number
  stops: number
  crashes: number
  lost: number
  differences: number
  /** Seeds whose truth was not whole: they prove nothing. */
  doubtful: number
}

export interface Failure {
  readonly plan: Plan
  readonly outcome: Outcome
}

/** What one doubt may take of the terminal. */
const DOUBT_AT_MOST = 200

/** Runs seeds from `seed` on, the variants in turn. `untilMs` is on the clock of `performance.now`. */
export async function many(asked: Many): Promise<{ sums: Sums; failures: Failure[]; doubts: string[] }> {
  const sums: Sums = {
    ...{ seeds: 0, actions: 0, starts: 0, stops: 0, crashes: 0, lost: 0 },
    ...{ differences: 0, doubtful: 0 },
  }
  const failures: Failure[] = []
  const doubts: string[] = []
  let next = 0
  const worker = async () => {
    while (next < asked.seeds && performance.now() < asked.untilMs) {
      const variant = asked.variants[next % asked.variants.length] ?? 'heard'
      const plan = planOf(asked.seed + next, variant, asked.actions)
      next += 1
      sums.seeds += 1
      const outcome = await drive(plan).catch((error: Error) => error)
      if (outcome instanceof Error) {
        sums.doubtful += 1
        doubts.push(`seed ${plan.seed} (${variant}): ${outcome.message.slice(0, DOUBT_AT_MOST)}`)
        continue
      }
      sums.actions += asked.actions
      sums.starts += outcome.starts
      sums.stops += outcome.stops
      sums.crashes += outcome.crashes
      sums.lost += outcome.lost
      if (outcome.doubts.length > 0) {
        sums.doubtful += 1
        doubts.push(...outcome.doubts.map((doubt) => `seed ${plan.seed} (${variant}): ${doubt}`))
      } else if (outcome.differences.length > 0) failures.push({ plan, outcome })
      sums.differences = failures.length
      asked.onDone?.(sums)
    }
  }
  await Promise.all(Array.from({ length: asked.rigs }, worker))
  return { sums, failures, doubts }
}
