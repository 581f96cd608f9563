// Attaches the journal's last lines to crash events: holds back steps in front of the sinks until the lines arrive.
import { stackOf } from '../core/error-text.ts'
import type { CrashEvent, Event } from '../core/event.ts'
import type { Clock, EventSink, Log, Step } from '../ports.ts'
import { type CrashLineReader, createCrashLineReader } from './crash-lines.ts'

/** How long a step is held back at most, and journalctl may take. */
export const HOLD_AT_MOST_MS = 1000
/** In a crash storm, the steps beyond this number are passed on without lines. */
export const STEPS_AT_MOST = 256
/** Lines of recent crashes that are kept in memory for later queries; the state file has none. */
const KEPT_AT_MOST_BYTES = 262_144

interface CrashLogOptions {
  readonly lines: number
  readonly sinks: readonly EventSink[]
  readonly clock: Clock
  readonly log: Log
  readonly journal?: Omit<CrashLineReader, 'readCrash'>
}

/** Takes the place of all sinks and passes steps on in the order in which they came. */
export interface CrashLogSink extends EventSink {
  /** The same events, with the lines that are still kept. */
  withLines(events: readonly Event[]): readonly Event[]
  /** Those of the events that have been passed on to the sinks. */
  delivered(events: readonly Event[]): readonly Event[]
}

interface HeldStep {
  readonly step: Step
  /** Crashes whose lines have not arrived yet. */
  pending: number
  cancelTimer: () => void
}

/**
 * Nothing else is delayed: state, counters and flash have the crash at once, and `accept` returns at once. Only the
 * sinks get it later, with the lines or after a second, whichever comes first, and later steps wait their turn.
 */
export function createCrashLogSink({ lines, sinks, clock, log, journal }: CrashLogOptions): CrashLogSink {
  const reader = journal ?? createCrashLineReader({ lines, withinMs: HOLD_AT_MOST_MS, clock, log })
  void reader.check()
  const kept = createKeptLines()
  const held: HeldStep[] = []
  let heldSeq = Infinity
  let emptied = () => {}

  const pass = (step: Step) => {
    const events = kept.addTo(step.events)
    const complete = events === step.events ? step : { ...step, events }
    try {
      for (const sink of sinks) sink.accept(complete)
    } catch (error) {
      log('error', `a sink failed on a step: ${stackOf(error)}`)
    }
  }

  const drain = () => {
    for (let first = held[0]; first !== undefined; first = held[0]) {
      if (first.pending > 0 && held.length <= STEPS_AT_MOST) break
      first.cancelTimer()
      held.shift()
      pass(first.step)
    }
    heldSeq = firstSeq(held)
    if (held.length === 0) emptied()
  }

  const hold = (step: Step, crashes: readonly CrashEvent[]) => {
    const one: HeldStep = { step, pending: crashes.length, cancelTimer: () => {} }
    held.push(one)
    const giveUp = () => {
      one.pending = 0
      drain()
    }
    if (crashes.length > 0) one.cancelTimer = clock.after(HOLD_AT_MOST_MS, giveUp)
    for (const { seq, unit, invocationId } of crashes) {
      void reader.linesOf(invocationId ?? '', unit).then((found) => {
        if (found !== null) kept.add(seq, found)
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
    withLines: kept.addTo,
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

/** The lines of recent crashes by sequence number; the oldest are dropped beyond KEPT_AT_MOST_BYTES. */
function createKeptLines() {
  const bySeq = new Map<number, readonly string[]>()
  let bytes = 0
  return {
    add(seq: number, lines: readonly string[]): void {
      bySeq.set(seq, lines)
      bytes += sizeOf(lines)
      for (const [oldest, dropped] of bySeq) {
        if (bytes <= KEPT_AT_MOST_BYTES) break
        bySeq.delete(oldest)
        bytes -= sizeOf(dropped)
      }
    },
    /** The same events, crashes with their lines; the same array if none has any. */
    addTo(events: readonly Event[]): readonly Event[] {
      if (!events.some(({ seq }) => bySeq.has(seq))) return events
      return events.map((event) => {
        const lines = event.kind === 'crash' ? bySeq.get(event.seq) : undefined
        return event.kind === 'crash' && lines !== undefined ? { ...event, log: lines } : event
      })
    },
  }
}

function isId(invocationId: string | null): boolean {
  return invocationId !== null && /^[0-9a-f]{32}$/.test(invocationId)
}

function firstSeq(held: readonly HeldStep[]): number {
  for (const { step } of held) for (const { seq } of step.events) return seq
  return Infinity
}

function sizeOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Buffer.byteLength(line), 64)
}
