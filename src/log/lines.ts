// The lines of the text log: priority prefix, time stamp, and the text for a state change and for each kind of event.
import { signalNumber } from '../core/cause.ts'
import type { Event } from '../core/event.ts'
import type { Counters } from '../core/unit.ts'
import { endText } from '../core/views/event-text.ts'
import { plural } from '../core/views/format.ts'
import type { Level } from '../ports.ts'

/** syslog(3) priorities, which systemd reads from the `<N>` at the beginning of a line (sd-daemon(3)). */
const PRIORITY: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6, debug: 7 }

export function prefixed(level: Level, text: string): string {
  return `<${PRIORITY[level]}>${text}`
}

/** `2025-07-07 10:15:23`, in local time, as the former program wrote it. */
export function stamp(ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== lastStamp.second) lastStamp = { second, text: stampOf(new Date(ms)) }
  return lastStamp.text
}

/** Many lines share one second. */
let lastStamp = { second: Number.NaN, text: '' }

function stampOf(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export function changeLine(unit: string, from: string, to: string, subState: string): string {
  return `${unit}:  ${from.padEnd(13)} -> ${to.padEnd(13)} (SubState: ${subState})`
}

/** The first line of a unit, when its state is read for the first time. */
export function initialLine(unit: string, state: string, subState: string): string {
  return `Initial state for ${unit}: ${state} (SubState: ${subState})`
}

export function loadedLine(unit: string, counters: Counters): string {
  return `${unit}:  Loaded counters: ${counts(counters)}`
}

/** The log line for an event. */
export function eventLine(event: Event): { level: Level; text: string } {
  const { level, text } = levelAndText(event)
  const gap = event.seqGap ? ` (gap of ${plural(event.seqGap, 'event number')})` : ''
  return { level, text: `${event.unit ?? 'gatewatch'}:${text}${gap}` }
}

function levelAndText(event: Event): { level: Level; text: string } {
  const late = event.source === 'reconcile' ? ' (detected later)' : ''
  switch (event.kind) {
    case 'start':
      return { level: 'info', text: `  Incrementing start counter -> ${event.counters.starts}${late}` }
    case 'restart': {
      const text = `  Incrementing start counter -> ${event.counters.starts}, restart counter -> ${event.counters.restarts}`
      return { level: 'info', text: `${text}${late}` }
    }
    case 'stop':
      return { level: 'info', text: `  Incrementing stop counter -> ${event.counters.stops}${endText(event)}${late}` }
    case 'crash':
      return { level: 'error', text: ` **CRASH** ${exitText(event)}, ${resultText(event)}${endText(event)}${late}` }
    case 'lost':
      return { level: 'warning', text: `  Incrementing lost counter -> ${event.counters.lost}: run ended unobserved` }
    case 'gave_up':
      return { level: 'error', text: ` **GAVE UP** (Result: ${event.result}): systemd will not restart it` }
    case 'flapping': {
      const count = `${plural(event.crashesInWindow, 'crash', 'crashes')} in ${event.windowSeconds} s`
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
        text: `  Event rate too high; last ${seconds} s: ${counts(event.counted)}${why}`,
      }
    }
    case 'evidence':
      return { level: 'info', text: `  Evidence of the event with sequence number ${event.of}${endText(event)}` }
    case 'start_refused':
      return { level: 'warning', text: `  Start refused (Result: ${event.result})${late}` }
    case 'unit_appeared':
      return { level: 'info', text: `  Unit appeared (LoadState: ${event.loadState})` }
    case 'unit_vanished':
      return { level: 'warning', text: `  Unit vanished (LoadState: ${event.loadState})` }
    case 'identity_changed':
      return { level: 'warning', text: ` **IDENTITY CHANGED** ${identityText(event)}` }
    case 'command': {
      const who = event.who === null ? '' : ` by ${event.who}`
      const succeeded = ['done', 'skipped', 'queued'].includes(event.outcome)
      return {
        level: succeeded ? 'info' : 'warning',
        text: `  Command ${event.action} via ${event.via}${who}: ${event.outcome}`,
      }
    }
  }
}

/** `machine A -> B, gateway_id A -> B`, and what it means for the counters. */
export function identityText(event: Event & { kind: 'identity_changed' }): string {
  const { formerMachineId, machineId, formerGatewayId, gatewayId } = event
  const gateway =
    formerGatewayId === gatewayId ? `gateway_id remains ${gatewayId}` : `gateway_id ${formerGatewayId} -> ${gatewayId}`
  return `machine ${formerMachineId} -> ${machineId}, ${gateway}: the state file came from another machine; its counters are the baseline, and events have new ids`
}

/** `(ExitCode: none, Signal: 9 (SIGKILL))` */
function exitText({ exitCode, signal }: { exitCode: number | null; signal: string | null }): string {
  const number = signal === null ? null : signalNumber(signal)
  return `(ExitCode: ${exitCode ?? 'none'}, Signal: ${signal === null ? 'none' : `${number ?? '?'} (${signal})`})`
}

function resultText(event: Event & { kind: 'crash' }): string {
  const core = event.coreDumped ? ', core dumped' : ''
  const requested = event.requested ? ', requested' : ''
  const next = event.willRestart === null ? '' : event.willRestart ? ', will restart' : ', will not restart'
  return `Result: ${event.result}${core}${requested}${next}, ${counts(event.counters)}`
}

function counts(c: Counters): string {
  return `Starts: ${c.starts}, Stops: ${c.stops}, Crashes: ${c.crashes}, Restarts: ${c.restarts}, Lost: ${c.lost}`
}
