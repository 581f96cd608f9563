// Checks regularly whether running units are frozen or thawed, for which systemd 252 sends no signal.
import type { UnitSnapshot } from '../core/unit.ts'
import { isAtRest } from '../core/unit-facts.ts'
import { type Bus, errorNameOf } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import type { Clock } from '../ports.ts'
import { isFrozen } from './decode.ts'
import { freezerStateCall } from './manager-api.ts'

const CHECK_EVERY_MS = 30_000
const SLACK_MS = 3_000
/** The other units follow in the next checks, in turn. */
const UNITS_PER_CHECK = 25

interface FreezerCheckContext {
  readonly bus: Bus
  readonly clock: Clock
  readonly isWatched: (label: string) => boolean
  /** The unit was frozen or thawed: reads it. */
  readonly read: (label: string) => void
}

export interface FreezerCheck {
  /** The newest snapshot of a watched unit. */
  note(label: string, snapshot: UnitSnapshot): void
  end(): void
}

export function createFreezerCheck({ bus, clock, isWatched, read }: FreezerCheckContext): FreezerCheck {
  /** Whether each unit that is not at rest is frozen; the one that was checked last is the last one. */
  const frozen = new Map<string, boolean>()

  function check(label: string): void {
    bus.request(freezerStateCall(label), (error, [state]) => {
      if (error === null && frozen.has(label) && frozen.get(label) !== isFrozen(plain(state))) read(label)
      else if (errorNameOf(error) === 'org.freedesktop.DBus.Error.UnknownProperty') end() // systemd before version 246
    })
  }

  function checkNext(): void {
    for (const [label, was] of [...frozen].slice(0, UNITS_PER_CHECK)) {
      frozen.delete(label)
      if (!isWatched(label)) continue
      frozen.set(label, was)
      check(label)
    }
    undo = clock.after(CHECK_EVERY_MS, checkNext, SLACK_MS)
  }
  let undo = clock.after(CHECK_EVERY_MS, checkNext, SLACK_MS)

  function end(): void {
    undo()
    frozen.clear()
  }

  return {
    note(label, { activeState, frozen: is }) {
      if (isAtRest(activeState)) frozen.delete(label)
      else if (/\.(service|scope|slice)$/.test(label)) frozen.set(label, is)
    },
    end,
  }
}
