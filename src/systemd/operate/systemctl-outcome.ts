// Determines the result of a failed systemctl job from the exit code and the unit's properties, not from systemctl's messages. Pure except for `read`.
import type { ControlProblem, Outcome } from '../../core/command.ts'
import type { Properties } from './unit-status.ts'

export interface UnsuccessfulJob {
  readonly action: 'start' | 'stop' | 'restart' | 'reload'
  /** systemctl's exit code, as defined by the LSB: 3 not implemented, 4 no permission, 5 not installed, 6 not configured. */
  readonly code: number
  /** The unit's properties after the job. */
  readonly properties: Properties
  /** Monotonic ms at which the job was requested. */
  readonly startedAtMs: number
  readonly isRoot: boolean
  /** Reads the properties of another unit. */
  readonly read: (unit: string) => Promise<Properties>
}

type JobVerdict = { readonly outcome: Outcome; readonly problem?: never } | { readonly problem: ControlProblem }

export async function outcomeOf(job: UnsuccessfulJob): Promise<JobVerdict> {
  const { action, code, properties, startedAtMs, isRoot } = job
  if (code === 5 || properties['LoadState'] === 'not-found') return { problem: 'no_such_unit' }
  if (properties['LoadState'] === 'masked') return { problem: 'masked' }
  if (code === 3 || code === 6 || properties['LoadState'] !== 'loaded') return { problem: 'refused' }
  const refuses = action === 'stop' ? properties['RefuseManualStop'] : properties['RefuseManualStart']
  if (code === 4) return { problem: refuses === true || isRoot ? 'refused' : 'denied' }

  if (!isRoot && !movedSince(properties, startedAtMs)) {
    // Exit code 1 also means that polkit wanted a password: then no unit has changed its state.
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

/** The units that this one requires. */
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
