// One event as text: a line, and below a crash the journal lines that belong to it.
import type pc from 'picocolors'
import { type EventView, eventDetails } from '../core/views/event-text.ts'
import { oneLine, plural, shortName } from '../core/views/format.ts'

type Paint = ReturnType<typeof pc.createColors>

/**
 * `2026-11-20 10:15:23  crash          mosquitto: SIGKILL, will restart (crash 4)`, in local time, and the lines of the
 * journal below the unit's name.
 */
export function eventLines(event: EventView, paint: Paint): string[] {
  const journal = (event.log ?? []).map((line) => paint.dim(`${' '.repeat(INDENT)}| ${oneLine(line)}`))
  return [eventLine(event, paint), ...journal]
}

/** The columns before the unit. */
const INDENT = 36

/** The first of these lines. */
export function eventLine(event: EventView, paint: Paint): string {
  const when = event.timestamp === undefined ? ' '.repeat(19) : local(new Date(event.timestamp))
  const kind = eventColor(event.event, paint)(event.event.padEnd(13))
  const unit = event.service === undefined ? '' : `${shortName(event.service)}: `
  const gap = event.seq_gap ? ` (gap of ${plural(event.seq_gap, 'event number')})` : ''
  return `${when}  ${kind}  ${unit}${eventDetails(event)}${gap}`
}

/** By the kind of the event. */
export function eventColor(kind: string, paint: Paint): (text: string) => string {
  if (kind === 'crash' || kind === 'gave_up') return paint.red
  if (kind === 'start' || kind === 'restart') return paint.green
  return kind === 'stop' ? paint.dim : paint.yellow
}

function local(at: Date): string {
  const two = (n: number) => String(n).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}
