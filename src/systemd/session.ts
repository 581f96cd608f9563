// Watching systemd over one bus connection: subscribes, follows restarts of systemd on the bus, reads all units, handles signals.
import { messageOf } from '../core/error-text.ts'
import type { Observation } from '../core/observation.ts'
import { isGone, type Signal } from '../dbus/bus.ts'
import type { MessageHeader } from '../dbus/message-header.ts'
import type { Log, UnmatchedPattern } from '../ports.ts'
import { createAcceptSockets } from './accept-sockets.ts'
import { createCauseWatch } from './causes/cause-watch.ts'
import { createFreezerCheck } from './freezer-check.ts'
import { createGapWatch } from './gap-watch.ts'
import { type AllUnits, type AllUnitsDelivery, deliveryOfAllUnits } from './listing/all-units.ts'
import { findUnits } from './listing/find-units.ts'
import * as manager from './manager-api.ts'
import { createMatchRules, type NeededUnits, requestSignals } from './match-rules.ts'
import { delayed, shared } from './scheduling.ts'
import { createTriggers } from './triggers.ts'
import { unitPath } from './unit-path.ts'
import { createUnitReader, type UnitReaderContext } from './unit-reader.ts'
import { createJobTypes, createUnitSignals } from './unit-signals.ts'

/** Installing a package reloads systemd several times in a row; one reconcile, this long after the first, covers them. */
const RECONCILE_AFTER_RELOAD_MS = 500
/** More units were loaded at once than can be followed: they are listed once, this long after the first. */
const LIST_AGAIN_AFTER_MS = 10_000

interface SessionContext extends Omit<UnitReaderContext, 'noReply' | 'isConnection' | 'overflowed'> {
  readonly log: Log
  readonly allUnits: AllUnits
  /** A signal was received. */
  readonly signal: () => void
  /** systemd is on the bus. Called before any observation from the new subscription. */
  readonly subscribing: () => void
  /** systemd has listed its units: the patterns that match none. */
  readonly unmatched: (patterns: readonly UnmatchedPattern[]) => void
  /** Every unit has been read. */
  readonly up: () => void
  /** systemd is not on the bus; the session waits for it. */
  readonly down: (reason: string) => void
}

export interface Session extends AllUnitsDelivery {
  /** Reads every unit again; false if systemd is not available. Calls while it runs share one more run after it. */
  reconcile(): Promise<boolean>
  /** Signals may have been dropped: reports a gap after those that are already queued, and reads every unit again. */
  suspectGap(): void
  /** Watched units whose properties could not be read, one sentence each. */
  unreadable(): readonly string[]
  /** The unit is no longer watched. */
  forget(label: string): void
  end(): void
}

/** Rejects with a message for the user if the bus does not allow us to watch systemd. */
export async function openSession(context: SessionContext): Promise<Session> {
  const { bus, clock, list, observe, allUnits } = context
  const watched = watchUnits(context, () => reloading, reconcileUnlessDue)
  const { rules, needed, units, signals, triggers, sockets, gaps, report, find, endWatching } = watched
  let owner: string | null = null
  let subscribed = false
  let isUp = false
  let ended = false
  let reloading = false

  const reconcile = shared(async () => {
    if (!subscribed || ended) return false
    reloading = false
    const gap = gaps.take() ? clock.now() : null
    try {
      await rules.everyUnit() // until it is known which ones are needed
      await manager.subscribe(bus) // its reply follows every signal that was queued for us before
      if (gap !== null) observe({ kind: 'gap', at: gap })
      sockets.begin(list.all().filter((label) => !list.isNamed(label)))
      await find()
      triggers.begin(list.has)
      if (!(await units.readAll()) || !subscribed || ended) return false
      if (!isUp) context.up() // only now is every unit known, so that its later changes can be counted
      isUp = true
      await rules.only(needed)
      return allUnits.isFollowed() ? await allUnits.compare(bus) : true
    } catch (error) {
      noteFailure(context, error, gap !== null || !(isUp || isGone(error)))
      return false
    }
  })

  const reconciling = delayed(clock, RECONCILE_AFTER_RELOAD_MS, () => void reconcile())

  async function reconcileUnlessDue(): Promise<void> {
    if (!reconciling.isDue()) await reconcile()
  }

  /** Subscribes to a systemd that is new on the bus, and reads every unit. */
  const adopt = async () => {
    const adopted = owner
    context.pairing.begin()
    context.subscribing()
    try {
      await manager.subscribe(bus)
    } catch (error) {
      if (owner === adopted && !ended) bus.close(`cannot subscribe to systemd's signals: ${messageOf(error)}`)
      return
    }
    if (owner !== adopted || ended) return
    subscribed = true
    const complete = await reconcile()
    if (!complete && owner === adopted && !ended) bus.close('systemd did not reply')
  }

  const setOwner = (now: string | null) => {
    if (now !== null && now === owner) return
    owner = now
    reloading = false
    subscribed = false
    isUp = false
    if (owner === null) context.down('systemd is not on the bus')
    else void adopt()
  }

  const wants = (header: MessageHeader): boolean => {
    if (header.sender === manager.DRIVER) return header.member === 'NameOwnerChanged'
    if (header.sender !== owner) return false
    if (header.member === 'PropertiesChanged') gaps.change()
    return signals.wants(header) || (allUnits.isFollowed() && header.member === 'PropertiesChanged')
  }

  const onSignal = (signal: Signal) => {
    context.signal()
    const { member, body } = signal
    if (member === 'NameOwnerChanged') {
      const [name, , now] = body
      if (name === manager.SYSTEMD) setOwner(typeof now === 'string' && now !== '' ? now : null)
    } else if (member === 'Reloading') {
      reloading = body[0] === true
      if (reloading) report({ kind: 'reloading', at: clock.now() })
      else reconciling.soon()
    } else signals.handle(signal)
  }

  const stopListening = bus.onSignal(onSignal, wants)
  const end = () => {
    ended = true
    stopListening()
    reconciling.cancel()
    endWatching()
  }
  try {
    await requestSignals(bus, rules, setOwner)
  } catch (error) {
    end()
    throw new Error(`cannot watch systemd on the bus: ${messageOf(error)}`, { cause: error })
  }
  return {
    reconcile,
    suspectGap: gaps.suspect,
    unreadable: units.unreadable,
    forget: units.forget,
    ...deliveryOfAllUnits(context, watched, reconcile, reconciling.soon),
    end,
  }
}

/** `mustReconnect`: signals are or may be missing; a new connection has an empty queue. */
function noteFailure({ bus, log }: SessionContext, error: unknown, mustReconnect: boolean): void {
  if (mustReconnect) bus.close(`reconcile failed: ${messageOf(error)}`)
  else if (!isGone(error)) log('warning', `bus: reconcile failed: ${messageOf(error)}; retrying after resync_interval`)
}

/** What follows the units of one session: reads, signals, the units that start them, and whether they are frozen. */
function watchUnits(session: SessionContext, isReloading: () => boolean, reconcile: () => Promise<void>) {
  const { bus, clock, list, log, allUnits } = session
  const rules = createMatchRules(bus)
  const gaps = createGapWatch(clock, reconcile)
  const sockets = createAcceptSockets(bus, (template, accepting) =>
    session.observe({ kind: 'accepting', at: clock.now(), template, accepting }),
  )
  const observe = (observation: Observation) => {
    session.observe(observation)
    if (observation.kind === 'discovered') sockets.check(observation.unit)
    if (observation.kind === 'reloading') causes.distrust(observation.unit)
  }
  /** Finds the units that could not be followed when they were loaded. */
  const listing = delayed(clock, LIST_AGAIN_AFTER_MS, () => {
    log('info', 'bus: more units that match a pattern were loaded at once than can be followed; listing them')
    const found = find().catch(() => []) // the next reconciliation lists them again
    void found.then(units.readThese)
  })
  const context = { ...session, observe, isConnection: sockets.isConnection, overflowed: listing.soon }
  const find = () => findUnits(context, units, signals)
  const causes = createCauseWatch(bus, clock, (unit, run, because) =>
    observe({ kind: 'because', unit, at: clock.now(), run, because }),
  )
  const triggers = createTriggers(bus, (unit, active) => observe({ kind: 'triggered', unit, at: clock.now(), active }))
  const units = createUnitReader({
    ...context,
    noReply: gaps.suspect,
    wasRead(label, reading) {
      session.wasRead(label, reading)
      triggers.set(label, reading.settings.startedBy)
      freezer.note(label, reading.snapshot)
      noteJob(label, reading.snapshot)
      causes.read(reading)
      // It is an alias, or something starts it, since the last time that every unit was read.
      if (![reading.id, ...reading.settings.startedBy].every((unit) => rules.covers(unitPath(unit)))) gaps.suspect()
    },
  })
  const noteJob = createJobTypes(bus, (unit, job, type) => {
    observe({ kind: 'job-type', unit, at: clock.now(), job, type })
    causes.jobType(unit, job, type)
  })
  const freezer = createFreezerCheck({ bus, clock, isWatched: list.has, read: units.readAgain })
  const missed = (unit: string) => {
    log('debug', `bus: signals about restarts of ${unit} are missing; re-reading all units`)
    gaps.suspect()
  }
  const signals = createUnitSignals({ ...context, units, triggers, freezer, causes, noteJob, isReloading, missed })
  /** Patterns match units that are not known yet, and the signals of an alias have the name of its unit. */
  const needed = (): NeededUnits | null =>
    allUnits.isFollowed() || list.patterns().length > 0 || list.hasAlias()
      ? null
      : { watched: list.all(), others: triggers.paths(), related: causes.related() }
  const endWatching = () => {
    units.end()
    freezer.end()
    gaps.end()
    listing.cancel()
  }
  return { rules, needed, units, signals, triggers, sockets, gaps, report: observe, find, endWatching }
}
