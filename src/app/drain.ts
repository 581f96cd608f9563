// Drain at system shutdown: the agent keeps running until its watched units have stopped, to observe how they end.

import { settledWithin } from '../core/limits/settled-within.ts'
import type { State } from '../core/state.ts'
import type { Unit } from '../core/unit.ts'
import { plural } from '../core/views/format.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'

/** On a slow gateway, PID 1 can be silent for seconds while it stops everything. */
const REPLY_WITHIN_MS = 10_000
const WAIT_AT_MOST_MS = 10_000
/** The end of all waiting: leaves time to write the state before TimeoutStopSec= of the unit file (30 s). */
const STOP_WAITING_AFTER_MS = 25_000
const CHECK_EVERY_MS = 50

export interface DrainOptions {
  readonly source: Pick<UnitSource, 'unitsShuttingDown' | 'health'>
  readonly state: () => State
  readonly clock: Clock
  readonly log: Log
}

/**
 * Resolves when no watched unit that the shutdown stops has an open run, after 10 s, when the bus connection is lost, or
 * at once if no shutdown is in progress. systemd sends SIGTERM to us and to our units in parallel: an agent that
 * exited at once would miss their ends and count a lost run for each clean reboot. If systemd does not reply, its last
 * signals decide: the agent waits for the units that they show as deactivating, and for the reply.
 */
export async function waitForUnits({ source, state, clock, log }: DrainOptions): Promise<void> {
  const began = clock.now().monoMs
  const stopWaitingAt = began + STOP_WAITING_AFTER_MS
  const reply = source.unitsShuttingDown(STOP_WAITING_AFTER_MS)
  let silent = true
  void reply.then(() => {
    silent = false
  })
  const runsOf = (isStopping: (unit: Unit) => boolean) =>
    state().units.flatMap((unit) => (unit.run !== null && isStopping(unit) ? [unit.name] : []))
  const waitWhile = async (isNeeded: () => boolean, untilMonoMs: number) => {
    while (isNeeded() && source.health().connected && clock.now().monoMs < untilMonoMs)
      await new Promise<void>((resolve) => clock.after(CHECK_EVERY_MS, resolve))
  }

  await settledWithin(REPLY_WITHIN_MS, reply, clock.after)
  if (silent) {
    const deactivating = () => runsOf(({ snapshot }) => snapshot?.activeState === 'deactivating')
    log('warning', silenceText(deactivating().length))
    await waitWhile(() => silent && deactivating().length > 0, stopWaitingAt)
    if (silent) return reportMissed(deactivating(), log)
  }
  const stopping = await reply
  if (stopping === null) return
  const running = () => runsOf(({ name }) => stopping.has(name))
  const first = running().length
  if (first > 0) log('info', `system is shutting down: waiting for ${plural(first, 'watched unit')} to stop`)
  await waitWhile(() => running().length > 0, Math.min(clock.now().monoMs + WAIT_AT_MOST_MS, stopWaitingAt))
  reportMissed(running(), log)
}

function silenceText(deactivating: number): string {
  const silence = `systemd has not replied for ${REPLY_WITHIN_MS / 1000} s, so it is not known whether the system is shutting down`
  return deactivating === 0
    ? `${silence}; not waiting longer, because no watched unit is deactivating`
    : `${silence}; waiting for ${plural(deactivating, 'watched unit')} to stop`
}

function reportMissed(units: readonly string[], log: Log): void {
  if (units.length > 0)
    log('warning', `did not see these units stop in time; their runs are counted as lost: ${units.join(', ')}`)
}
