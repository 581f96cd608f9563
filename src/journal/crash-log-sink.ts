// Attaches the journal's last lines to crash events: stands before the sinks and holds what is told until they are here.
import { stackOf } from '../core/error-text.ts'
import type { CrashEvent, Event } from '../core/event.ts'
import type { Clock, EventSink, Log, Step } from '../ports.ts'
import { type CrashLineReader, createCrashLineReader } from './crash-lines.ts'

/** The longest that any event waits, and the longest that journalctl may take. */
export const HOLD_AT_MOST_MS = 1000
/** In the storm of a bad unit: what is held beyond this goes on as it is. */
export const STEPS_AT_MOST = 256
/** Lines of recent crashes for who asks for them later; flash has none. */
const KEPT_AT_MOST_BYTES = 262_144

interface CrashLogOptions {
  readonly lines: number
  readonly sinks: readonly EventSink[]
  readonly clock: Clock
  readonly log: Log
  readonly journal?: CrashLineReader
}

/** One sink in place of all: steps leave it in the order in which they came, so no order of events is another for it. */
export interface CrashLogSink extends EventSink {
  /** The same events, with the lines that are still known. */
  withLines(events: readonly Event[]): readonly Event[]
  /** Those of the events that the sinks were told of already. */
  delivered(events: readonly Event[]): readonly Event[]
}

interface Held {
  readonly step: Step
  /** Crashes whose lines are still to come. */
  pending: number
  undo: () => void
}

/**
 * The event path is never delayed: state, counters and flash have the crash at once, and `accept` returns at once. What
 * waits is the telling, for the lines or for a second, whichever comes first; what happens meanwhile waits behind it.
 */
export function createCrashLogSink({ lines, sinks, clock, log, ...given }: CrashLogOptions): CrashLogSink {
  const source = given.journal ?? createCrashLineReader({ lines, withinMs: HOLD_AT_MOST_MS, clock, log })
  void source.check()
  const held: Held[] = []
  const known = new Map<number, readonly string[]>()
  let knownBytes = 0
  let heldSeq = Infinity
  let emptied = () => {}

  const remember = (seq: number, found: readonly string[]) => {
    known.set(seq, found)
    knownBytes += sizeOf(found)
    for (const [oldest, forgotten] of known) {
      if (knownBytes <= KEPT_AT_MOST_BYTES) break
      known.delete(oldest)
      knownBytes -= sizeOf(forgotten)
    }
  }

  const withLines = (events: readonly Event[]): readonly Event[] => {
    if (!events.some(({ seq }) => known.has(seq))) return events
    return events.map((event) => {
      const found = event.kind === 'crash' ? known.get(event.seq) : undefined
      return event.kind === 'crash' && found !== undefined ? { ...event, log: found } : event
    })
  }

  const pass = (step: Step) => {
    const told = withLines(step.events)
    const shown = told === step.events ? step : { ...step, events: told }
    try {
      for (const sink of sinks) sink.accept(shown)
    } catch (error) {
      log('error', `a step was not told: ${stackOf(error)}`)
    }
  }

  const drain = () => {
    for (let first = held[0]; first !== undefined; first = held[0]) {
      if (first.pending > 0 && held.length <= STEPS_AT_MOST) break
      first.undo()
      held.shift()
      pass(first.step)
    }
    heldSeq = firstSeq(held)
    if (held.length === 0) emptied()
  }

  const hold = (step: Step, crashes: readonly CrashEvent[]) => {
    const one: Held = { step, pending: crashes.length, undo: () => {} }
    held.push(one)
    const giveUp = () => {
      one.pending = 0
      drain()
    }
    if (crashes.length > 0) one.undo = clock.after(HOLD_AT_MOST_MS, giveUp)
    for (const { seq, unit, invocationId } of crashes) {
      void source.linesOf(invocationId ?? '', unit).then((found) => {
        if (found !== null) remember(seq, found)
        one.pending -= 1
        drain()
      })
    }
    drain()
  }

  return {
    accept(step) {
      const crashes = step.events.filter((event) => event.kind === 'crash' && isId(event.invocationId)) as CrashEvent[]
      if (crashes.length === 0 && held.length === 0) pass(step)
      else hold(step, crashes)
    },
    withLines,
    delivered: (events) => (held.length === 0 ? events : events.filter(({ seq }) => seq < heldSeq)),
    async stop() {
      if (held.length > 0)
        await new Promise<void>((resolve) => {
          emptied = resolve
        })
      await Promise.all(sinks.map((sink) => sink.stop()))
    },
  }
}

function isId(invocationId: string | null): boolean {
  return invocationId !== null && /^[0-9a-f]{32}$/.test(invocationId)
}

function firstSeq(held: readonly Held[]): number {
  for (const { step } of held) for (const { seq } of step.events) return seq
  return Infinity
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line), 64)
}
