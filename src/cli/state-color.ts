// The colour of a unit's state, in every table.
import type pc from 'picocolors'

export type Paint = ReturnType<typeof pc.createColors>

export function stateColor(state: string, paint: Paint): (text: string) => string {
  if (state === 'active') return paint.green
  if (state === 'failed') return paint.red
  return state === 'inactive' || state === 'unloaded' || state === 'unknown' ? paint.dim : paint.yellow
}
