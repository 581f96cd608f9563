// What can be said of a unit, derived from its state: known or not, loaded or not, missing; and what remains known of it
// without signals: after a gap, after a reload of systemd, and while there is no connection.
import { type Settings, shownCounters, type Unit, type UnitSnapshot } from './unit.ts'

/** True if the state of the unit is known: it was read in this boot, and there is contact to systemd. */
export function isKnown(unit: Unit): unit is Unit & { readonly snapshot: UnitSnapshot } {
  return unit.snapshot !== null && !unit.outOfContact
}

/** ActiveState of a unit that does nothing. */
export function isAtRest(activeState: string): boolean {
  return activeState === 'inactive' || activeState === 'failed'
}

/** No run is open, and as far as is known the unit does nothing. */
export function isOver({ run, snapshot }: Pick<Unit, 'run' | 'snapshot'>): boolean {
  return run === null && (snapshot === null || isAtRest(snapshot.activeState))
}

/**
 * The state for display: systemd's `ActiveState`, `unloaded` for a unit that systemd cannot load and that is not
 * running, `unknown` while it is not known. A unit that was masked while it runs is still active.
 */
export function shownState(unit: Unit): string {
  if (!isKnown(unit)) return 'unknown'
  const { activeState } = unit.snapshot
  return isUnloaded(unit) && isAtRest(activeState) ? 'unloaded' : activeState
}

/** True if systemd could not load the unit when it was last read: not found, masked or invalid. */
export function isUnloaded(unit: Unit): boolean {
  return unit.settings !== null && isUnloadedState(unit.settings.loadState)
}

export function isUnloadedState(load: string): boolean {
  return load === 'not-found' || load === 'masked' || load === 'error' || load === 'bad-setting'
}

/** The settings, unless they may have changed since they were read. */
export function currentSettings({ settings, settingsStale }: Unit): Settings | null {
  return settingsStale ? null : settings
}

/**
 * Why an expected unit is missing, else null: the LoadState if systemd cannot load it, `never-started` if it is enabled
 * but was not active in this boot (a dependency failed, or a condition was not met).
 */
export function missingReason(unit: Unit): string | null {
  const { settings } = unit
  if (!isKnown(unit) || settings === null) return null
  if (shownState(unit) === 'unloaded') return settings.loadState
  return settings.enabled && neverActive(unit, settings) ? 'never-started' : null
}

/**
 * True if the unit ran in an earlier boot and was not active in this one, although nothing else decides when it starts (a
 * timer, a path, a socket).
 */
export function isNotStarted(unit: Unit): boolean {
  const { settings } = unit
  if (!isKnown(unit) || settings === null || isUnloaded(unit) || settings.startedBy.length > 0) return false
  return shownCounters(unit).starts > 0 && neverActive(unit, settings)
}

/** In this boot. */
function neverActive({ snapshot, runIds }: Unit, settings: Settings): boolean {
  return snapshot?.activeState === 'inactive' && !settings.wasActive && runIds.length === 0
}

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

/** True if `starts = stops + crashes + lost + (1 if running)` and every crash is counted under its Result. */
export function countersBalance(unit: Unit): boolean {
  const { starts, stops, crashes, lost } = unit.counters
  const byResult = Object.values(unit.failures).reduce((sum, f) => sum + f.unrequested + f.requested, 0)
  return starts === stops + crashes + lost + (unit.run === null ? 0 : 1) && byResult === crashes
}
