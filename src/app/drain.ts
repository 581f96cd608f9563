// A clean reboot: while systemd shuts down, the agent stays until the units that it watches are down.
import type { State } from '../core/state.ts'
import type { Clock, Log, UnitSource } from '../ports.ts'

/** Well below TimeoutStopSec= of the unit file. */
const STAY_AT_MOST_MS = 10_000
const LOOK_EVERY_MS = 50

export interface Leaving {
  readonly source: Pick<UnitSource, 'unitsShuttingDown' | 'health'>
  readonly state: () => State
  readonly clock: Clock
  readonly log: Log
}

/**
 * Resolves when every watched unit that the shutdown ends has no open run any more, when 10 s have gone, when the bus
 * is lost, or at once where no shutdown is under way. At shutdown SIGTERM comes to us in parallel with our units: who
 * leaves at once sees no end of theirs, and counts a lost run for each clean reboot.
 */
export async function unitsDown({ source, state, clock, log }: Leaving): Promise<void> {
  const goingDown = await source.unitsShuttingDown()
  if (goingDown === null) return
  const left = () => state().units.flatMap(({ name, run }) => (run !== null && goingDown.has(name) ? [name] : []))
  const first = left().length
  if (first > 0)
    log('info', `the system shuts down: staying until ${first} ${first === 1 ? 'unit is' : 'units are'} down`)

  const until = clock.now().monoMs + STAY_AT_MOST_MS
  while (left().length > 0 && source.health().connected && clock.now().monoMs < until) {
    await new Promise<void>((resolve) => clock.after(LOOK_EVERY_MS, resolve))
  }
  const never = left()
  if (never.length > 0) log('warning', `not seen to end, and so lost: ${never.join(', ')}`)
}
