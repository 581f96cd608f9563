// Shrinks a failing plan: removes actions as long as it still fails, within a time limit.
import type { Action, Plan } from './plan.ts'

/** `fails`: runs the plan. Timing varies between runs, so a removal is undone if the shorter plan passes even once. */
export async function shrink(plan: Plan, fails: (plan: Plan) => Promise<boolean>, limitMs: number): Promise<Plan> {
  const deadline = performance.now() + limitMs
  let smallest = plan
  for (let size = Math.ceil(plan.actions.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < smallest.actions.length; ) {
      if (performance.now() > deadline) return smallest
      const shorter = { ...smallest, actions: removeActions(smallest.actions, from, size) }
      if (await fails(shorter)) smallest = shorter
      else from += size
    }
    if (size === 1) break
  }
  return smallest
}

function removeActions(actions: readonly Action[], from: number, size: number): Action[] {
  return [...actions.slice(0, from), ...actions.slice(from + size)]
}
