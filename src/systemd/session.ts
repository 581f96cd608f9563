// One connection's worth of watching: subscribes, follows systemd's owner on the bus, turns signals into observations.
import { messageOf } from '../core/error-text.ts'
import type { Observation } from '../core/observation.ts'
import { type Bus, isGone, type Signal } from '../dbus/bus.ts'
import type { MessageHeader } from '../dbus/message-header.ts'
import type { Clock, Log } from '../ports.ts'
import type { SignalPairing, UnitReading } from './decode.ts'
import * as manager from './manager-api.ts'
import { isUnitName, unitAt } from './names.ts'
import { createUnitReader } from './unit-reader.ts'
import type { WatchList } from './watch-list.ts'

/** A package's installation reloads several times in a row. */
const RECONCILE_AFTER_RELOAD_MS = 500
/** Units that a pattern stands for and that have not moved yet. */
const CANDIDATES_AT_MOST = 256

export interface SessionContext {
  readonly bus: Bus
  readonly labels: () => WatchList
  readonly patterns: () => readonly string[]
  readonly pairing: SignalPairing
  readonly clock: Clock
  readonly log: Log
  readonly observe: (observation: Observation) => void
  readonly malformed: (reason: string) => void
  readonly wasRead: (label: string, read: UnitReading) => void
  readonly signal: () => void
  /** systemd is there and will tell us everything; comes before anything of the new subscription is observed. */
  readonly subscribing: () => void
  readonly up: () => void
  /** systemd is not on the bus, in words; the session waits for it. */
  readonly down: (reason: string) => void
  /** Whether the clock is synchronised, where that can be known. */
  readonly clockSynced: (bus: Bus) => Promise<boolean | null>
}

export interface Session {
  /** Resolves when all was read again, or false where systemd is not there. Calls during a run share the next one. */
  reconcile(): Promise<boolean>
  end(): void
}

/** Rejects in words where the bus lets us not even listen. */
export async function openSession(context: SessionContext): Promise<Session> {
  const { bus, clock, pairing, observe } = context
  const units = createUnitReader(context)
  const candidates = new Map<string, string>()
  let owner: string | null = null
  let subscribed = false
  let ended = false
  let reconcileSoon: (() => void) | null = null
  let running: Promise<boolean> | null = null
  let next: Promise<boolean> | null = null

  const wants = (head: MessageHeader): boolean => {
    if (head.sender === manager.DRIVER) return head.member === 'NameOwnerChanged'
    if (head.sender !== owner) return false
    if (head.path === manager.MANAGER_PATH) return true
    return (
      head.member === 'PropertiesChanged' && (candidates.has(head.path) || context.labels().at(head.path).length > 0)
    )
  }

  const onSignal = (signal: Signal) => {
    context.signal()
    switch (signal.member) {
      case 'PropertiesChanged':
        return changed(signal)
      case 'NameOwnerChanged':
        return ownerChanged(signal.body)
      case 'UnitNew':
        return loaded(signal.body)
      case 'UnitRemoved':
        return removed(signal.body)
      case 'Reloading':
        if (signal.body[0] === false) soon()
    }
  }

  const changed = ({ path, body }: Signal) => {
    const at = clock.now()
    const snapshot = pairing.changed(path, body)
    if (snapshot === null) return
    if ('missed' in snapshot) return bus.close('it dropped signals: its queue for us was full')
    if ('malformed' in snapshot) return context.malformed(`${unitAt(path)}: ${snapshot.malformed}`)
    const candidate = candidates.get(path)
    if (candidate !== undefined) {
      candidates.delete(path)
      if (context.labels().add(candidate)) observe({ kind: 'discovered', at, unit: candidate })
    }
    for (const unit of context.labels().at(path)) {
      observe({ kind: 'signal', unit, at, snapshot })
      units.moved(unit)
    }
  }

  const loaded = ([name, path]: readonly unknown[]) => {
    if (typeof name !== 'string' || typeof path !== 'string') return context.malformed('UnitNew without name and path')
    const labels = context.labels()
    for (const label of labels.at(path)) units.loaded(label)
    if (labels.at(path).length > 0 || !isUnitName(name) || !labels.matches(name)) return
    if (candidates.size < CANDIDATES_AT_MOST) candidates.set(path, name)
    units.consider(name)
  }

  const removed = ([, path]: readonly unknown[]) => {
    if (typeof path !== 'string') return context.malformed('UnitRemoved without path')
    pairing.removed(path)
    candidates.delete(path)
  }

  const soon = () => {
    reconcileSoon ??= clock.after(RECONCILE_AFTER_RELOAD_MS, () => {
      reconcileSoon = null
      void reconcile()
    })
  }

  const ownerChanged = ([name, , now]: readonly unknown[]) => {
    if (name === manager.SYSTEMD) ownedBy(typeof now === 'string' && now !== '' ? now : null)
  }

  const ownedBy = (now: string | null) => {
    if (now !== null && now === owner) return
    owner = now
    subscribed = false
    if (owner === null) context.down('systemd is not on the bus')
    else void adopt()
  }

  /** A systemd that is new on the bus: it knows nothing of us. */
  const adopt = async () => {
    const adopted = owner
    pairing.begin()
    context.subscribing()
    try {
      await manager.subscribe(bus)
    } catch (error) {
      if (owner === adopted && !ended) bus.close(`systemd does not let us subscribe: ${messageOf(error)}`)
      return
    }
    if (owner !== adopted || ended) return
    subscribed = true
    await reconcile()
    if (owner === adopted && !ended) context.up() // only now is every unit known: what happens from here on is counted
  }

  const reconcileOnce = async (): Promise<boolean> => {
    if (!subscribed || ended) return false
    try {
      await manager.subscribe(bus)
      const synced = await context.clockSynced(bus)
      observe({ kind: 'clock', at: clock.now(), synced })
      await find()
      return (await units.readAll()) && subscribed && !ended
    } catch (error) {
      if (!isGone(error)) context.log('warning', `bus: cannot reconcile (${messageOf(error)})`)
      return false
    }
  }

  const find = async () => {
    for (const name of await manager.listUnits(bus, context.patterns())) {
      if (context.labels().matches(name) && context.labels().add(name))
        observe({ kind: 'discovered', at: clock.now(), unit: name })
    }
  }

  const reconcile = (): Promise<boolean> => {
    if (running === null) {
      running = reconcileOnce().finally(() => {
        running = null
      })
      return running
    }
    next ??= running.then(() => {
      next = null
      return reconcile()
    })
    return next
  }

  const stopListening = bus.onSignal(onSignal, wants)
  const end = () => {
    ended = true
    stopListening()
    reconcileSoon?.()
    units.end()
  }
  try {
    for (const rule of manager.MATCH_RULES) await bus.addMatch(rule)
    await new Promise<void>((resolve, reject) => {
      manager.systemdOwner(bus, (error, now) => {
        if (error !== null) return reject(error)
        ownedBy(now)
        resolve()
      })
    })
  } catch (error) {
    end()
    throw new Error(`cannot listen on the bus: ${messageOf(error)}`, { cause: error })
  }
  return { reconcile, end }
}
