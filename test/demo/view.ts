// Formats the screen of the demo as lines of text: a header, the units, and the log. Pure.
import pc from 'picocolors'
import { eventLine } from '../../src/cli/event-line.ts'
import { type Cell, type Column, table } from '../../src/cli/table.ts'
import { age, causeText, shortName } from '../../src/core/views/format.ts'
import type { LogEntry, Model, Status } from './model.ts'

export interface ScreenSize {
  readonly columns: number
  readonly rows: number
  readonly color: boolean
}

type Paint = ReturnType<typeof pc.createColors>
type UnitView = Status['units'][number]

const PLAIN = pc.createColors(false)
/** From this width on there is room for sub-states and ages. */
const WIDE_COLUMNS = 104
const HIGHLIGHT_MS = 1_500
const MIN_LOG_LINES = 4
/** `2026-11-20 `: left out on the screen, where the day is always the same. */
const DAY_WIDTH = 11
/** The columns of the event kind after the day is cut off. */
const KIND_COLUMNS = [10, 23] as const

/** At most `rows` lines; none is wider than `columns` if there are at least 72 columns. */
export function frame(model: Model, size: ScreenSize, now: number): string[] {
  const paint = pc.createColors(size.color)
  const head = [...header(model, size, now, paint), '']
  const units = unitLines(model, size, now, paint)
  const room = Math.max(size.rows - head.length - MIN_LOG_LINES - 1, 0)
  const shown = units.length <= room ? units : [...units.slice(0, Math.max(room - 1, 0)), paint.dim('...')]
  const left = Math.max(size.rows - head.length - shown.length - 1, 0)
  const events = left === 0 ? [] : model.log.slice(-left).map((entry) => entryLine(entry, size.columns, paint))
  return [...head, ...shown, '', ...events].slice(0, size.rows)
}

function header(
  { agent, environment, startedAtMs, endsAtMs, subscribe }: Model,
  size: ScreenSize,
  now: number,
  paint: Paint,
) {
  const title = `gatewatch ${agent.version}`
  const time =
    endsAtMs === null
      ? `${minutesAndSeconds(now - startedAtMs)}, q to quit`
      : `${minutesAndSeconds(endsAtMs - now)} left, q to quit`
  const room = Math.max(size.columns - title.length - time.length - 2, 0)
  const rest = `, gateway ${agent.gatewayId}, on ${environment}`.slice(0, room).padEnd(room + 2)
  const lines = [`${paint.bold(title)}${rest}${paint.dim(time)}`, `metrics  ${paint.cyan(agent.metricsUrl)}`]
  return subscribe === null ? lines : [...lines, `events   ${paint.cyan(subscribe)}`]
}

/** `0:42`, `61:05`. */
export function minutesAndSeconds(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

function unitLines({ status, log }: Model, { columns }: ScreenSize, now: number, paint: Paint): string[] {
  const wide = columns >= WIDE_COLUMNS
  const changed = new Set(log.flatMap((t) => ('event' in t && now - t.atMs < HIGHLIGHT_MS ? [t.event.service] : [])))
  const heads: Column[] = [
    { title: 'UNIT', minWidth: 12 },
    { title: 'STATE'.padEnd(wide ? 25 : 12) },
    { title: 'SINCE', align: 'right' },
    { title: 'START', align: 'right' },
    { title: 'STOP', align: 'right' },
    { title: 'CRASH', align: 'right' },
    { title: 'RESTART', align: 'right' },
    { title: 'LAST CAUSE', minWidth: 8 },
  ]
  const [titles = '', ...rows] = table(
    heads,
    status.units.map((unit) => cells(unit, wide, now, paint)),
    columns,
  )
  return [paint.dim(titles), ...rows.map((row, i) => (changed.has(status.units[i]?.service) ? paint.bold(row) : row))]
}

function cells(unit: UnitView, wide: boolean, now: number, paint: Paint): Cell[] {
  const { counters, last_crash: crash } = unit
  const red = (count: number) => ({ text: String(count), ...(count > 0 ? { paint: paint.red } : {}) })
  const cause = crash === null ? '-' : causeText(crash)
  const state = wide && unit.sub_state !== null ? `${unit.active_state} (${unit.sub_state})` : unit.active_state
  return [
    { text: shortName(unit.service) },
    { text: state, paint: stateColor(unit.active_state, paint) },
    { text: unit.since === null ? '-' : age(now - Date.parse(unit.since)) },
    { text: String(counters.starts) },
    { text: String(counters.stops) },
    red(counters.crashes),
    { text: String(counters.restarts) },
    { text: wide && crash !== null ? `${cause}, ${age(now - Date.parse(crash.timestamp))} ago` : cause },
  ]
}

function stateColor(state: string, paint: Paint): (text: string) => string {
  if (state === 'active') return paint.green
  if (state === 'failed') return paint.red
  return state === 'inactive' || state === 'unloaded' ? paint.dim : paint.yellow
}

/** One line without the day, truncated to the width. */
function entryLine(entry: LogEntry, columns: number, paint: Paint): string {
  const text = entryText(entry).slice(DAY_WIDTH)
  const cut = text.length <= columns ? text : `${text.slice(0, columns - 1)}…`
  if ('action' in entry) return paint.cyan(cut)
  const [from, to] = KIND_COLUMNS
  return `${paint.dim(cut.slice(0, from))}${kindColor(entry.event.event, paint)(cut.slice(from, to))}${cut.slice(to)}`
}

/** One line with the day and without colours: `2026-11-20 10:15:23  demo           kill -9 mosquitto.service`. */
export function entryText(entry: LogEntry): string {
  if ('event' in entry) return eventLine(entry.event, PLAIN)
  return `${eventLine({ event: 'demo:', timestamp: new Date(entry.atMs).toISOString() }, PLAIN)}${entry.action}`
}

function kindColor(kind: string, paint: Paint): (text: string) => string {
  if (kind === 'crash' || kind === 'gave_up') return paint.red
  if (kind === 'start' || kind === 'restart') return paint.green
  return kind === 'stop' ? paint.dim : paint.yellow
}
