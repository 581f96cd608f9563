// One connection's worth of watching: subscribes, follows systemd's owner on the bus, reads every unit, takes signals.
import { messageOf } from '../core/error-text.ts'
import { type Bus, isGone, type Signal } from '../dbus/bus.ts'
import type { MessageHeader } from '../dbus/message-header.ts'
import type { Log } from '../ports.ts'
import * as manager from './manager-api.ts'
import { createUnitReader, type UnitReaderContext } from './unit-reader.ts'
import { createUnitSignals } from './unit-signals.ts'

/** A package's installation reloads several times in a row. */
const RECONCILE_AFTER_RELOAD_MS = 500

export interface SessionContext extends UnitReaderContext {
  readonly log: Log
  readonly signal: () => void
  /** systemd is there and will tell us everything; comes before anything of the new subscription is observed. */
  readonly subscribing: () => void
  readonly up: () => void
  /** systemd is not on the bus, in words; the session waits for it. */
  readonly down: (reason: string) => void
  /** Whether the clock is synchronised, where that can be known. */
  readonly clockSynced: () => Promise<boolean | null>
}

export interface Session {
  /** Resolves when all was read again, or false where systemd is not there. Calls during a run share the next one. */
  reconcile(): Promise<boolean>
  end(): void
}

/** Rejects in words where the bus lets us not even listen. */
export async function openSession(context: SessionContext): Promise<Session> {
  const { bus, clock, list, observe } = context
  const units = createUnitReader(context)
  const signals = createUnitSignals({ ...context, units })
  let owner: string | null = null
  let subscribed = false
  let ended = false
  let undoReconcileSoon: (() => void) | null = null

  const find = async () => {
    for (const name of await manager.listUnits(bus, list.patterns())) {
      if (list.matches(name) && list.add(name)) observe({ kind: 'discovered', at: clock.now(), unit: name })
    }
  }

  const reconcile = shared(async () => {
    if (!subscribed || ended) return false
    try {
      await manager.subscribe(bus)
      const synced = await context.clockSynced()
      observe({ kind: 'clock', at: clock.now(), synced })
      await find()
      return (await units.readAll()) && subscribed && !ended
    } catch (error) {
      if (!isGone(error)) context.log('warning', `bus: cannot reconcile (${messageOf(error)})`)
      return false
    }
  })

  const reconcileSoon = () => {
    undoReconcileSoon ??= clock.after(RECONCILE_AFTER_RELOAD_MS, () => {
      undoReconcileSoon = null
      void reconcile()
    })
  }

  /** A systemd that is new on the bus: it knows nothing of us. */
  const adopt = async () => {
    const adopted = owner
    context.pairing.begin()
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

  const ownedBy = (now: string | null) => {
    if (now !== null && now === owner) return
    owner = now
    subscribed = false
    if (owner === null) context.down('systemd is not on the bus')
    else void adopt()
  }

  const wants = (header: MessageHeader): boolean => {
    if (header.sender === manager.DRIVER) return header.member === 'NameOwnerChanged'
    return header.sender === owner && signals.wants(header)
  }

  const onSignal = (signal: Signal) => {
    context.signal()
    const { member, body } = signal
    if (member === 'NameOwnerChanged') {
      const [name, , now] = body
      if (name === manager.SYSTEMD) ownedBy(typeof now === 'string' && now !== '' ? now : null)
    } else if (member === 'Reloading') {
      if (body[0] === false) reconcileSoon()
    } else signals.take(signal)
  }

  const stopListening = bus.onSignal(onSignal, wants)
  const end = () => {
    ended = true
    stopListening()
    undoReconcileSoon?.()
    units.end()
  }
  try {
    await requestSignals(bus, ownedBy)
  } catch (error) {
    end()
    throw new Error(`cannot listen on the bus: ${messageOf(error)}`, { cause: error })
  }
  return { reconcile, end }
}

/** `ownedBy` is told systemd's unique name, null while it is not on the bus, at its place among the signals. */
async function requestSignals(bus: Bus, ownedBy: (owner: string | null) => void): Promise<void> {
  for (const rule of manager.MATCH_RULES) await bus.addMatch(rule)
  await new Promise<void>((resolve, reject) => {
    manager.systemdOwner(bus, (error, owner) => {
      if (error !== null) return reject(error)
      ownedBy(owner)
      resolve()
    })
  })
}

/** `run`, once at a time: calls while it runs share the run after it. */
function shared(run: () => Promise<boolean>): () => Promise<boolean> {
  let running: Promise<boolean> | null = null
  let next: Promise<boolean> | null = null

  return function once(): Promise<boolean> {
    if (running === null) {
      running = run().finally(() => {
        running = null
      })
      return running
    }
    next ??= running.then(() => {
      next = null
      return once()
    })
    return next
  }
}
