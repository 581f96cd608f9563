// The lines of the text log: how a line is dressed, and what is said of a state change and of each kind of event.
import { signalNumber } from '../core/cause.ts'
import type { Event } from '../core/event.ts'
import type { Counters, Unit } from '../core/unit.ts'
import { activeState, isUnloaded } from '../core/unit.ts'
import type { Level } from '../ports.ts'

/** syslog(3) priorities, which systemd takes from a `<N>` in front of a line (sd-daemon(3)). */
const PRIORITY: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 }

export function prefixed(level: Level, text: string): string {
  return `<${PRIORITY[level]}>${text}`
}

/** `2025-07-07 10:15:23`, local time as the former program wrote it. */
export function stamp(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== lastStamp.second) lastStamp = { second, text: stampOf(new Date(ms)) }
  return lastStamp.text
}

/** Lines come in bursts. */
let lastStamp = { second: Number.NaN, text: '' }

function stampOf(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** One message stays one line, and nothing in it moves the terminal's cursor. */
export function oneLine(message: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return message.replace(/[\u0000-\u001f\u007f-\u009f]/g, (c) =>
    c === '\n' ? '\\n' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

/** The state as people are shown it; `unknown` until systemd said something. */
export function shownState(unit: Unit | undefined): string {
  if (unit === undefined || (unit.snapshot === null && unit.settings === null)) return 'unknown'
  return isUnloaded(unit) ? 'unloaded' : activeState(unit)
}

export function changeLine(unit: string, from: string, to: string, subState: string): string {
  return `${unit}:  ${from.padEnd(13)} -> ${to.padEnd(13)} (SubState: ${subState})`
}

/** What the log says of an event. */
export function eventLine(event: Event): { level: Level; text: string } {
  const told = said(event)
  const gap = event.seqGap ? ` (${event.seqGap} event numbers before this one were never used)` : ''
  return { level: told.level, text: `${event.unit}:${told.text}${gap}` }
}

function said(event: Event): { level: Level; text: string } {
  const { counters } = event
  const afterwards = event.source === 'reconcile' ? ' (found out afterwards)' : ''
  switch (event.kind) {
    case 'start':
      return { level: 'info', text: `  Incrementing start counter -> ${counters.starts}${afterwards}` }
    case 'restart': {
      const text = `  Incrementing start counter -> ${counters.starts}, restart counter -> ${counters.restarts}`
      return { level: 'info', text: `${text}${afterwards}` }
    }
    case 'stop':
      return { level: 'info', text: `  Incrementing stop counter -> ${counters.stops}${afterwards}` }
    case 'crash':
      return { level: 'error', text: ` **CRASH** ${fate(event)}, ${after(event)}${afterwards}` }
    case 'lost':
      return { level: 'warning', text: `  Incrementing lost counter -> ${counters.lost}: nobody saw how a run ended` }
    case 'gave_up':
      return { level: 'error', text: ` **GAVE UP** (Result: ${event.result}): systemd does not start it again` }
    case 'flapping': {
      const count = `${event.crashesInWindow} crashes in ${event.windowSeconds} s`
      return event.flapping
        ? { level: 'warning', text: `  Flapping: ${count}` }
        : { level: 'info', text: '  No longer flapping' }
    }
    case 'summary': {
      const seconds = Math.max(1, Math.round((event.lastMs - event.firstMs) / 1000))
      const results = Object.entries(event.byResult).map(([result, count]) => `${result} ${count}`)
      const why = results.length > 0 ? ` (${results.join(', ')})` : ''
      return {
        level: 'warning',
        text: `  Too many to tell one by one, in ${seconds} s: ${counts(event.counted)}${why}`,
      }
    }
    case 'unit_appeared':
      return { level: 'info', text: `  Unit appeared (LoadState: ${event.loadState})` }
    case 'unit_vanished':
      return { level: 'warning', text: `  Unit vanished (LoadState: ${event.loadState})` }
    case 'command': {
      const who = event.who === null ? '' : ` by ${event.who}`
      const well = ['done', 'skipped', 'queued'].includes(event.outcome)
      return {
        level: well ? 'info' : 'warning',
        text: `  Command ${event.action} via ${event.via}${who}: ${event.outcome}`,
      }
    }
  }
}

/** `(ExitCode: none, Signal: 9 (SIGKILL))` */
function fate({ exitCode, signal }: { exitCode: number | null; signal: string | null }): string {
  const number = signal === null ? null : signalNumber(signal)
  return `(ExitCode: ${exitCode ?? 'none'}, Signal: ${signal === null ? 'none' : `${number ?? '?'} (${signal})`})`
}

function after(event: Event & { kind: 'crash' }): string {
  const core = event.coreDumped ? ', core dumped' : ''
  const asked = event.requested ? ', requested' : ''
  const next = event.willRestart === null ? '' : event.willRestart ? ', will restart' : ', will not restart'
  return `Result: ${event.result}${core}${asked}${next}, ${counts(event.counters)}`
}

function counts(c: Counters): string {
  return `Starts: ${c.starts}, Stops: ${c.stops}, Crashes: ${c.crashes}, Restarts: ${c.restarts}, Lost: ${c.lost}`
}
