// What remains known of a unit without signals: after a gap, after a reload of systemd, and while there is no connection.
import type { Unit } from './unit.ts'

/** Signals may have been missed since: everything that is known only from signals is unknown until the next read. */
export function interrupt(known: Unit): Unit {
  const unit = distrustSettings(known)
  if (unit.tracking !== 'continuous') return unit
  return { ...unit, tracking: 'interrupted', job: null, canceledAtMonoMs: null }
}

/** The settings, and with them the units that start this one, may have changed: they are unknown until they are read. */
export function distrustSettings(unit: Unit): Unit {
  if (unit.settingsStale && unit.triggered === null) return unit
  return { ...unit, settingsStale: true, triggered: null }
}

/** There has been no connection for so long that the state of the unit is unknown, until its next snapshot. */
export function loseContact(unit: Unit): Unit {
  return interrupt(unit.outOfContact ? unit : { ...unit, outOfContact: true })
}
