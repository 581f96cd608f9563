// Turns systemd's unit signals into observations: changed properties, newly loaded units, unloaded units.
import type { Observation } from '../core/observation.ts'
import type { UnitSnapshot } from '../core/unit.ts'
import { isUnitName } from '../core/unit-name.ts'
import type { Bus, Signal } from '../dbus/bus.ts'
import type { MessageHeader } from '../dbus/message-header.ts'
import { plain } from '../dbus/variants.ts'
import type { Clock } from '../ports.ts'
import type { CauseWatch } from './causes/cause-watch.ts'
import type { SignalPairing } from './decode.ts'
import type { FreezerCheck } from './freezer-check.ts'
import type { AllUnits } from './listing/all-units.ts'
import { jobTypeCall, MANAGER_PATH } from './manager-api.ts'
import { createNewTriggers } from './new-triggers.ts'
import type { Triggers } from './triggers.ts'
import { unitAt, unitPath } from './unit-path.ts'
import type { UnitReader } from './unit-reader.ts'
import type { WatchList } from './watch-list.ts'

/** At most this many loaded units that match a pattern but have not changed state yet. */
const CANDIDATES_AT_MOST = 256

interface UnitSignalsContext {
  readonly bus: Bus
  readonly list: WatchList
  readonly pairing: SignalPairing
  readonly clock: Clock
  readonly observe: (observation: Observation) => void
  readonly malformed: (reason: string) => void
  /** Signals of this unit are missing, although the connection is in order. */
  readonly missed: (unit: string) => void
  readonly units: UnitReader
  /** A unit that a pattern matches cannot be followed: systemd must list its units again. */
  readonly overflowed: () => void
  /** systemd reloads: it announces all units again, and all watched ones will be read. */
  readonly isReloading: () => boolean
  readonly triggers: Triggers
  readonly allUnits: AllUnits
  readonly freezer: FreezerCheck
  readonly causes: CauseWatch
  readonly noteJob: NoteJob
}

export interface UnitSignals {
  /** Whether this signal, sent by systemd, needs to be decoded. */
  wants(header: MessageHeader): boolean
  handle(signal: Signal): void
  /** Watches this loaded unit, which a pattern matches, as soon as it changes its state; false if there is no room for it. */
  expect(name: string): boolean
}

export function createUnitSignals(context: UnitSignalsContext): UnitSignals {
  const { bus, list, pairing, clock, observe, malformed, units, triggers, allUnits, freezer, causes, noteJob } = context
  const newTriggers = createNewTriggers({
    bus,
    clock,
    labelsAt: list.at,
    changed(unit) {
      observe({ kind: 'reloading', unit, at: clock.now() })
      units.readAgain(unit)
    },
  })
  const candidates = new Map<string, string>()

  const isWatched = (path: string) => candidates.has(path) || list.at(path).length > 0

  const changed = ({ path, body, serial }: Signal) => {
    const at = clock.now()
    if (triggers.has(path)) triggers.changed(path, body[1])
    if (!isWatched(path)) return
    const snapshot = pairing.changed(path, body, serial)
    if (snapshot === null) return
    if ('missed' in snapshot) return bus.close('the bus dropped signals because its queue for gatewatch was full')
    if ('skippedRestarts' in snapshot) return context.missed(unitAt(path) ?? path)
    if ('malformed' in snapshot) return malformed(`${unitAt(path)}: ${snapshot.malformed}`)
    const candidate = candidates.get(path)
    if (candidate !== undefined) {
      candidates.delete(path)
      if (list.add(candidate)) observe({ kind: 'discovered', at, unit: candidate })
    }
    const because = causes.changed(unitAt(path) ?? '', snapshot)
    for (const unit of list.at(path)) {
      observe({ kind: 'signal', unit, at, snapshot, ...(because && { because }) })
      units.moved(unit, snapshot.activeState)
      freezer.note(unit, snapshot)
      noteJob(unit, snapshot)
    }
  }

  const expect = (name: string): boolean => {
    const path = unitPath(name)
    if (!candidates.has(path) && candidates.size >= CANDIDATES_AT_MOST) return false
    candidates.set(path, name)
    return true
  }

  const loaded = ([name, path]: readonly unknown[]) => {
    if (typeof name !== 'string' || typeof path !== 'string') return malformed('UnitNew without name and path')
    const at = clock.now()
    for (const unit of list.at(path)) {
      observe({ kind: 'reloading', unit, at })
      units.loaded(unit)
    }
    if (!context.isReloading()) newTriggers.loaded(name)
    if (list.at(path).length > 0 || !isUnitName(name) || !list.matches(name)) return
    if (!expect(name)) context.overflowed()
    if (!context.isReloading()) units.consider(name)
  }

  const jobNew = ([job, , name]: readonly unknown[]) => {
    if (typeof job !== 'number' || typeof name !== 'string') return malformed('JobNew without id and unit')
    const at = clock.now()
    causes.jobNew(name, job)
    for (const unit of list.at(unitPath(name))) observe({ kind: 'job-new', unit, at, job })
  }

  const jobRemoved = ([job, , name, result]: readonly unknown[]) => {
    if (typeof job !== 'number' || typeof name !== 'string' || typeof result !== 'string')
      return malformed('JobRemoved without id, unit and result')
    const at = clock.now()
    causes.jobRemoved(name, job)
    for (const unit of list.at(unitPath(name))) observe({ kind: 'job-removed', unit, at, job, result })
  }

  const unloaded = ([name, path]: readonly unknown[]) => {
    if (typeof name !== 'string' || typeof path !== 'string') return malformed('UnitRemoved without name and path')
    pairing.removed(path)
    const candidate = candidates.get(path)
    candidates.delete(path)
    if (candidate !== undefined) units.unloaded(candidate)
    if (context.isReloading()) return
    causes.unloaded(name)
    allUnits.unloaded(name)
    const at = clock.now()
    for (const unit of list.at(path)) {
      observe({ kind: 'unloaded', unit, at })
      units.unloaded(unit)
    }
  }

  return {
    wants: ({ path, member }) =>
      path === MANAGER_PATH || (member === 'PropertiesChanged' && (isWatched(path) || triggers.has(path))),
    expect,
    handle(signal) {
      if (signal.member === 'PropertiesChanged') {
        changed(signal)
        if (allUnits.isFollowed()) allUnits.changed(signal.path, signal.body)
      } else if (signal.member === 'JobNew') jobNew(signal.body)
      else if (signal.member === 'JobRemoved') jobRemoved(signal.body)
      else if (signal.member === 'UnitNew') loaded(signal.body)
      else if (signal.member === 'UnitRemoved') unloaded(signal.body)
    },
  }
}

/** The newest snapshot of a watched unit: if the type of its job can matter, reads it and calls `report`. */
type NoteJob = (label: string, snapshot: UnitSnapshot) => void

/** Reads the type of a job that is queued beside an open run: no signal contains it. */
export function createJobTypes(bus: Bus, report: (label: string, job: number, type: string) => void): NoteJob {
  /** The run of each unit that is starting, and the job under which it was first seen. */
  const starting = new Map<string, { readonly run: string | null; readonly job: number }>()

  /** Whether this is the job that has started the run, which a restart has not stopped: its type shows nothing. */
  const isOwnJob = (label: string, { activeState, invocationId, job }: UnitSnapshot): boolean => {
    const first = starting.get(label)
    if (job === 0) starting.delete(label)
    else if ((activeState === 'inactive' || activeState === 'activating') && first?.run !== invocationId)
      starting.set(label, { run: invocationId, job })
    return activeState === 'active' && first?.run === invocationId && first.job === job
  }

  return (label, snapshot) => {
    const { activeState, job, mainCode } = snapshot
    const isBesideRun = mainCode === 0 ? activeState === 'active' : activeState !== 'activating'
    if (isOwnJob(label, snapshot) || job === 0 || !isBesideRun) return
    bus.request(jobTypeCall(job), (error, [value]) => {
      const type = plain(value)
      if (error === null && typeof type === 'string') report(label, job, type) // an error: the job is done
    })
  }
}
