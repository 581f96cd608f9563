// Reads the type of a job that is queued beside an open run: no signal contains it.
import type { UnitSnapshot } from '../core/unit.ts'
import type { Bus } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import { jobTypeCall } from './manager-api.ts'

/** The newest snapshot of a watched unit: if the type of its job can matter, reads it and calls `report`. */
export type NoteJob = (label: string, snapshot: UnitSnapshot) => void

export function createJobTypes(bus: Bus, report: (label: string, job: number, type: string) => void): NoteJob {
  return (label, { activeState, job, mainCode }) => {
    const isBesideRun = mainCode === 0 ? activeState === 'active' : activeState !== 'activating'
    if (job === 0 || !isBesideRun) return
    bus.request(jobTypeCall(job), (error, [value]) => {
      const type = plain(value)
      if (error === null && typeof type === 'string') report(label, job, type) // an error: the job is done
    })
  }
}
