// Makes a failing plan smaller: leaves out actions, and units, as long as it still fails, within a time.
import type { Action, Plan } from './plan.ts'

/** `fails`: whether the plan still shows a difference. Timing differs from run to run: what does not fail once is kept. */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>, atMostMs: number): Promise<Plan> {
  const deadline = performance.now() + atMostMs
  let smallest = plan
  for (let size = Math.ceil(plan.actions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < smallest.actions.length; ) {
      if (performance.now() > deadline) return smallest
      const without = { ...smallest, actions: without_(smallest.actions, from, size) }
      if (await fails(without)) smallest = without
      else from += size
    }
    if (size === 1) break
  }
  return smallest
}

function without_(actions: readonly Action[], from: number, size: number): Action[] {
  return [...actions.slice(0, from), ...actions.slice(from + size)]
}
