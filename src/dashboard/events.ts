// The list of events, newest first, and its filters.
import { eventDetails } from '../core/event-text.ts'
import { shortName } from '../core/format.ts'
import { byId, el, icon, say, sayTime, type Tone, timeEl, tint } from './dom.ts'
import type { Told } from './gateway.ts'

const ROWS_AT_FIRST = 30
const ROWS_MORE = 100

const TROUBLE = new Set(['crash', 'gave_up', 'flapping', 'lost', 'summary'])
const KINDS: Readonly<Record<string, string>> = {
  '': 'all',
  trouble: 'trouble only',
  crash: 'crash',
  start: 'start',
  restart: 'restart',
  stop: 'stop',
  lost: 'lost',
  gave_up: 'gave up',
  flapping: 'flapping',
  summary: 'summary',
  command: 'command',
  unit_appeared: 'unit appeared',
  unit_vanished: 'unit vanished',
}

let atMost = ROWS_AT_FIRST
const rows: Row[] = []

/** Fills the filters; calls back when one of them, or the number of rows, was changed. */
export function setUpEvents(changed: () => void): void {
  for (const [value, text] of Object.entries(KINDS)) ofKind().append(new Option(text, value))
  const again = () => {
    atMost = ROWS_AT_FIRST
    changed()
  }
  ofUnit().addEventListener('change', again)
  ofKind().addEventListener('change', again)
  byId('more').addEventListener('click', () => {
    atMost += ROWS_MORE
    changed()
  })
}

/** `events` oldest first; `units` are those that can be asked for. */
export function showEvents(events: readonly Told[], units: readonly string[], nowMs: number): void {
  offer(units)
  const wanted = latest(events, atMost + 1)
  const shown = wanted.slice(0, atMost)
  const list = byId('events')
  shown.forEach((event, i) => {
    const row = rows[i] ?? newRow()
    if (rows[i] === undefined) {
      rows.push(row)
      list.append(row.element)
    }
    row.show(event, nowMs)
  })
  for (const row of rows.splice(shown.length)) row.element.remove()
  list.hidden = shown.length === 0
  byId('no-events').hidden = shown.length > 0
  byId('more').hidden = wanted.length <= atMost
}

function latest(events: readonly Told[], count: number): readonly Told[] {
  const unit = ofUnit().value
  const kind = ofKind().value
  const found: Told[] = []
  for (let i = events.length - 1; i >= 0 && found.length < count; i -= 1) {
    const event = events[i]
    if (event === undefined || (unit !== '' && event.service !== unit)) continue
    if (kind === '' || event.event === kind || (kind === 'trouble' && TROUBLE.has(event.event))) found.push(event)
  }
  return found
}

function offer(units: readonly string[]): void {
  const select = ofUnit()
  const offered = [...select.options].slice(1).map((option) => option.value)
  if (offered.join('\n') === units.join('\n')) return
  const chosen = select.value
  select.replaceChildren(new Option('all', ''), ...units.map((unit) => new Option(shortName(unit), unit)))
  select.value = units.includes(chosen) ? chosen : ''
}

interface Row {
  readonly element: HTMLElement
  show(event: Told, nowMs: number): void
}

/** A row is filled with another event when a newer one comes: what is being read does not jump. */
function newRow(): Row {
  const word = el('span')
  const kind = el('span.kind', icon('idle'), word)
  const when = timeEl()
  const unit = el('b')
  const details = el('span')
  const what = el('div.what', unit, ' ', details)
  const element = el('li', kind, when, what)
  let shown = ''
  return {
    element,
    show(event, nowMs) {
      const at = Date.parse(event.timestamp ?? '')
      sayTime(when, at, clockText(at, nowMs))
      if (shown === event.id) return
      shown = event.id
      tint(kind, toneOf(event))
      say(word, KINDS[event.event] ?? event.event)
      say(unit, shortName(event.service ?? ''))
      say(details, eventDetails(event))
      what.querySelector('details')?.remove()
      if (event.log !== undefined && event.log.length > 0) what.append(logOf(event.log))
    },
  }
}

function logOf(lines: readonly string[]): HTMLElement {
  const pre = el('pre', lines.join('\n'))
  pre.tabIndex = 0
  return el('details', el('summary', 'last lines of its log'), pre)
}

function toneOf({ event, flapping }: Told): Tone {
  if (event === 'crash' || event === 'gave_up') return 'bad'
  if (event === 'start' || event === 'restart') return 'ok'
  if (event === 'flapping') return flapping === true ? 'warn' : 'ok'
  if (event === 'lost' || event === 'summary') return 'warn'
  return event === 'stop' ? 'idle' : 'busy'
}

const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const DAY_AND_TIME = new Intl.DateTimeFormat('en-GB', {
  ...{ day: 'numeric', month: 'short' },
  ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
})

/** `10:15:23`, on another day `20 Nov, 10:15:23`; local time. */
function clockText(atMs: number, nowMs: number): string {
  const today = new Date(atMs).toDateString() === new Date(nowMs).toDateString()
  return (today ? TIME : DAY_AND_TIME).format(atMs)
}

const ofUnit = () => byId<HTMLSelectElement>('of-unit')
const ofKind = () => byId<HTMLSelectElement>('of-kind')
