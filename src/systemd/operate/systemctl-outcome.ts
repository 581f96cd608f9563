// What became of a job of which systemctl only says that it is no success: read from the unit, as its prose is not. Pure but for `read`.
import type { ControlProblem, Outcome } from '../../core/command.ts'
import type { Properties } from './unit-status.ts'

export interface UnsuccessfulJob {
  readonly action: 'start' | 'stop' | 'restart' | 'reload'
  /** systemctl's exit code, as the LSB has them: 3 not implemented, 4 no permission, 5 not installed, 6 not configured. */
  readonly code: number
  /** The unit after it. */
  readonly properties: Properties
  /** Monotonic ms at which it was asked for. */
  readonly startedAtMs: number
  readonly isRoot: boolean
  /** Properties of another unit. */
  readonly read: (unit: string) => Promise<Properties>
}

export type JobVerdict = { readonly outcome: Outcome; readonly problem?: never } | { readonly problem: ControlProblem }

export async function outcomeOf(job: UnsuccessfulJob): Promise<JobVerdict> {
  const { action, code, properties, startedAtMs, isRoot } = job
  if (code === 5 || properties['LoadState'] === 'not-found') return { problem: 'no_such_unit' }
  if (properties['LoadState'] === 'masked') return { problem: 'masked' }
  if (code === 3 || code === 6 || properties['LoadState'] !== 'loaded') return { problem: 'refused' }
  const refuses = action === 'stop' ? properties['RefuseManualStop'] : properties['RefuseManualStart']
  if (code === 4) return { problem: refuses === true || isRoot ? 'refused' : 'denied' }

  if (!isRoot && !movedSince(properties, startedAtMs)) {
    // Exit code 1 is also where polkit would first have asked for a password: then nothing at all has moved.
    const dependency = (await dependencies(job)).some((one) => isDown(one) && movedSince(one, startedAtMs))
    return dependency ? { outcome: 'dependency' } : { problem: 'denied' }
  }
  if (action === 'stop') return { outcome: 'canceled' }
  if (action === 'reload') return { outcome: 'failed' }
  switch (properties['ActiveState']) {
    case 'failed':
      return { outcome: 'failed' }
    case 'activating':
      return { outcome: String(properties['SubState']).includes('auto-restart') ? 'failed' : 'timeout' }
    case 'inactive':
      return { outcome: (await dependencies(job)).some(isDown) ? 'dependency' : 'canceled' }
    default:
      return { outcome: 'canceled' }
  }
}

/** The units that this one cannot do without. */
async function dependencies({ properties, read }: UnsuccessfulJob): Promise<Properties[]> {
  const needed = ['Requires', 'Requisite', 'BindsTo'].flatMap((kind) => (properties[kind] ?? []) as string[])
  return Promise.all([...new Set(needed)].map(read))
}

function isDown({ ActiveState: state }: Properties): boolean {
  return state === 'failed' || state === 'inactive'
}

function movedSince({ StateChangeTimestampMonotonic: changedUs }: Properties, monoMs: number): boolean {
  return Number(changedUs ?? 0) / 1000 >= monoMs
}
