// What became of a job of which systemctl only says that it is no success: read from the unit, as its prose is not. Pure but for `stateOf`.
import type { ControlProblem, Outcome } from '../../core/command.ts'
import type { Properties } from './unit-status.ts'

export interface UnsuccessfulJob {
  readonly action: 'start' | 'stop' | 'restart' | 'reload'
  /** systemctl's exit code, as the LSB has them: 3 not implemented, 4 no permission, 5 not installed, 6 not configured. */
  readonly code: number
  /** The unit after it. */
  readonly seen: Properties
  /** Monotonic ms at which it was asked for. */
  readonly startedAtMs: number
  readonly isRoot: boolean
  /** Properties of another unit. */
  readonly stateOf: (unit: string) => Promise<Properties>
}

export type JobVerdict = { readonly outcome: Outcome; readonly problem?: never } | { readonly problem: ControlProblem }

export async function outcomeOf(ended: UnsuccessfulJob): Promise<JobVerdict> {
  const { action, code, seen, startedAtMs, isRoot } = ended
  if (code === 5 || seen['LoadState'] === 'not-found') return { problem: 'no_such_unit' }
  if (seen['LoadState'] === 'masked') return { problem: 'masked' }
  if (code === 3 || code === 6 || seen['LoadState'] !== 'loaded') return { problem: 'refused' }
  const refuses = action === 'stop' ? seen['RefuseManualStop'] : seen['RefuseManualStart']
  if (code === 4) return { problem: refuses === true || isRoot ? 'refused' : 'denied' }

  if (!isRoot && !movedSince(seen, startedAtMs)) {
    // Exit code 1 is also where polkit would first have asked for a password: then nothing at all has moved.
    const dependency = (await dependencies(ended)).some((one) => isDown(one) && movedSince(one, startedAtMs))
    return dependency ? { outcome: 'dependency' } : { problem: 'denied' }
  }
  if (action === 'stop') return { outcome: 'canceled' }
  if (action === 'reload') return { outcome: 'failed' }
  switch (seen['ActiveState']) {
    case 'failed':
      return { outcome: 'failed' }
    case 'activating':
      return { outcome: String(seen['SubState']).includes('auto-restart') ? 'failed' : 'timeout' }
    case 'inactive':
      return { outcome: (await dependencies(ended)).some(isDown) ? 'dependency' : 'canceled' }
    default:
      return { outcome: 'canceled' }
  }
}

/** The units that this one cannot do without. */
async function dependencies({ seen, stateOf }: UnsuccessfulJob): Promise<Properties[]> {
  const needed = ['Requires', 'Requisite', 'BindsTo'].flatMap((kind) => (seen[kind] ?? []) as string[])
  return Promise.all([...new Set(needed)].map(stateOf))
}

function isDown({ ActiveState: state }: Properties): boolean {
  return state === 'failed' || state === 'inactive'
}

function movedSince({ StateChangeTimestampMonotonic: changedUs }: Properties, monoMs: number): boolean {
  return Number(changedUs ?? 0) / 1000 >= monoMs
}
