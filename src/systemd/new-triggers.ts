// Units that systemd has just loaded and that may start watched ones: those are read again, as no signal shows that they
// are now triggered.

import { type Bus, isGone } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import type { Clock } from '../ports.ts'
import { unitPropertiesCall } from './manager-api.ts'
import { unitPath } from './unit-path.ts'

/** Types that trigger other units (systemd.unit(5)), and targets, which usually have Upholds=. */
const TRIGGERS_OTHERS = /\.(?:timer|path|socket|automount|target)$/
/** Reading an unloaded unit loads it, which is announced like any other load: do not read it again because of that. */
const READ_AGAIN_AFTER_MS = 10_000
/** At most this many units within that time. */
const UNITS_AT_MOST = 256

interface NewTriggersContext {
  readonly bus: Bus
  readonly clock: Clock
  readonly labelsAt: (path: string) => readonly string[]
  /** The settings of this watched unit have changed. */
  readonly changed: (label: string) => void
}

export interface NewTriggers {
  /** systemd has loaded this unit. */
  loaded(name: string): void
}

export function createNewTriggers({ bus, clock, labelsAt, changed }: NewTriggersContext): NewTriggers {
  const readAt = new Map<string, number>()

  function isReadLately(name: string, nowMs: number): boolean {
    for (const [other, atMs] of readAt) if (nowMs - atMs >= READ_AGAIN_AFTER_MS) readAt.delete(other)
    return readAt.has(name) || readAt.size >= UNITS_AT_MOST
  }

  return {
    loaded(name) {
      if (!TRIGGERS_OTHERS.test(name)) return
      const { monoMs } = clock.now()
      if (isReadLately(name, monoMs)) return
      readAt.set(name, monoMs)
      // The unit that it starts unless it names another one: not later than the trigger can start it.
      const usual = labelsAt(unitPath(name.replace(TRIGGERS_OTHERS, '.service')))
      for (const label of usual) changed(label)
      bus.request(unitPropertiesCall(name), (error, [reply]) => {
        if (isGone(error) || typeof reply !== 'object' || reply === null) return
        const properties = reply as Readonly<Record<string, unknown>>
        const started = ['Triggers', 'Upholds'].flatMap((kind) => plain(properties[kind]) ?? [])
        for (const unit of started.map(String))
          for (const label of labelsAt(unitPath(unit))) if (!usual.includes(label)) changed(label)
      })
    },
  }
}
