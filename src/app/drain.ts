// Drain at system shutdown: the agent keeps running until its watched units have stopped, to observe how they end.

import type { State } from '../core/state.ts'
import { plural } from '../core/views/format.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'

/** Well below TimeoutStopSec= of the unit file. */
const WAIT_AT_MOST_MS = 10_000
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
 * exited at once would miss their ends and count a lost run for each clean reboot.
 */
export async function waitForUnits({ source, state, clock, log }: DrainOptions): Promise<void> {
  const stopping = await source.unitsShuttingDown()
  if (stopping === null) return
  const running = () => state().units.flatMap(({ name, run }) => (run !== null && stopping.has(name) ? [name] : []))
  const first = running().length
  if (first > 0) log('info', `system is shutting down: waiting for ${plural(first, 'watched unit')} to stop`)

  const until = clock.now().monoMs + WAIT_AT_MOST_MS
  while (running().length > 0 && source.health().connected && clock.now().monoMs < until) {
    await new Promise<void>((resolve) => clock.after(CHECK_EVERY_MS, resolve))
  }
  const missed = running()
  if (missed.length > 0)
    log('warning', `did not see these units stop in time; their runs are counted as lost: ${missed.join(', ')}`)
}
