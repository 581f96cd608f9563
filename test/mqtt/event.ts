// Literal events for tests of what carries them.
import type { CrashEvent, Event, StartEvent } from '../../src/core/event.ts'

const OF = {
  atMs: 1_700_000_000_000,
  bootId: 'b'.repeat(32),
  source: 'signal',
  clockSynced: true,
  unit: 'mosquitto.service',
  invocationId: 'a'.repeat(32),
  counters: { starts: 5, stops: 1, crashes: 4, restarts: 4, lost: 0 },
} as const

export function started(seq: number): StartEvent {
  return { ...OF, seq, kind: 'start', fromState: 'inactive', toState: 'active', subState: 'running' }
}

export function crashed(seq: number): CrashEvent {
  const cause = { result: 'signal', exitCode: null, signal: 'SIGKILL', coreDumped: false }
  const change = { fromState: 'active', toState: 'failed', subState: 'failed' }
  return { ...OF, ...cause, ...change, seq, kind: 'crash', requested: false, willRestart: true }
}

export function afterGap(event: Event, seqGap: number): Event {
  return { ...event, seqGap }
}

/** The event of `clear`, which is about no unit. */
export function cleared(seq: number): Event {
  const { invocationId, ...common } = OF
  const command = { kind: 'command', action: 'clear', outcome: 'done', via: 'socket', who: null } as const
  return { ...common, ...command, seq, unit: null, counters: null }
}
