// The list of events, newest first, and its filters.
import { eventDetails } from '../core/views/event-text.ts'
import { durationText, shortName } from '../core/views/format.ts'
import type { ApiEvent } from './api-types.ts'
import { clockText } from './clock-text.ts'
import { byId, el, icon, setText, setTime, setTone, timeEl } from './dom.ts'
import type { Tone } from './tone.ts'

const ROWS_AT_FIRST = 30
const ROWS_MORE = 100

const PROBLEM_KINDS = new Set(['crash', 'gave_up', 'flapping', 'lost', 'summary', 'start_refused'])
const KINDS: Readonly<Record<string, string>> = {
  '': 'all',
  problems: 'problems only',
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
  start_refused: 'start refused',
  identity_changed: 'identity changed',
}

const unitSelect = () => byId<HTMLSelectElement>('of-unit')
const kindSelect = () => byId<HTMLSelectElement>('of-kind')

let rowsAtMost = ROWS_AT_FIRST
const rows: Row[] = []

/** Fills the filters; calls back when one of them, or the number of rows, has changed. */
export function setUpEvents(changed: () => void): void {
  for (const [value, text] of Object.entries(KINDS)) kindSelect().append(new Option(text, value))
  const filterChanged = () => {
    rowsAtMost = ROWS_AT_FIRST
    changed()
  }
  unitSelect().addEventListener('change', filterChanged)
  kindSelect().addEventListener('change', filterChanged)
  byId('more').addEventListener('click', () => {
    rowsAtMost += ROWS_MORE
    changed()
  })
}

/** `events`: oldest first. `units`: the choices of the unit filter. */
export function showEvents(events: readonly ApiEvent[], units: readonly string[], nowMs: number): void {
  updateUnitChoices(units)
  const matching = newestMatching(events, rowsAtMost + 1)
  const visible = matching.slice(0, rowsAtMost)
  const list = byId('events')
  visible.forEach((event, i) => {
    const row = rows[i] ?? newRow()
    if (rows[i] === undefined) {
      rows.push(row)
      list.append(row.element)
    }
    row.show(event, nowMs)
  })
  for (const row of rows.splice(visible.length)) row.element.remove()
  list.hidden = visible.length === 0
  byId('no-events').hidden = visible.length > 0
  byId('more').hidden = matching.length <= rowsAtMost
}

function newestMatching(events: readonly ApiEvent[], count: number): readonly ApiEvent[] {
  const unit = unitSelect().value
  const kind = kindSelect().value
  const found: ApiEvent[] = []
  for (let i = events.length - 1; i >= 0 && found.length < count; i -= 1) {
    const event = events[i]
    if (event === undefined || (unit !== '' && event.service !== unit)) continue
    if (kind === '' || event.event === kind || (kind === 'problems' && PROBLEM_KINDS.has(event.event))) {
      found.push(event)
    }
  }
  return found
}

function updateUnitChoices(units: readonly string[]): void {
  const select = unitSelect()
  const choices = [...select.options].slice(1).map((option) => option.value)
  if (choices.join('\n') === units.join('\n')) return
  const chosen = select.value
  select.replaceChildren(new Option('all', ''), ...units.map((unit) => new Option(shortName(unit), unit)))
  select.value = units.includes(chosen) ? chosen : ''
}

interface Row {
  readonly element: HTMLElement
  show(event: ApiEvent, nowMs: number): void
}

/** Rows are reused when a newer event arrives, so the element that has the focus stays in place. */
function newRow(): Row {
  const kindText = el('span')
  const kind = el('span.kind', icon('idle'), kindText)
  const when = timeEl()
  const unit = el('b')
  const details = el('span')
  const what = el('div.what', unit, ' ', details)
  const element = el('li', kind, when, what)
  let shown: ApiEvent | null = null
  return {
    element,
    show(event, nowMs) {
      const at = Date.parse(event.timestamp ?? '')
      setTime(when, at, clockText(at, nowMs))
      if (shown === event) return
      const isSame = shown?.id === event.id
      shown = event
      setTone(kind, toneOf(event))
      setText(kindText, KINDS[event.event] ?? event.event)
      setText(unit, shortName(event.service ?? ''))
      setText(details, [eventDetails(event), ...evidenceTexts(event)].join('; '))
      // More evidence of a crash does not close its log.
      if (isSame) return
      what.querySelector('details')?.remove()
      if (event.log !== undefined && event.log.length > 0) what.append(logOf(event.log))
    },
  }
}

function logOf(lines: readonly string[]): HTMLElement {
  const pre = el('pre', lines.join('\n'))
  pre.tabIndex = 0
  return el('details', el('summary', 'last log lines'), pre)
}

/** `ran 3 min 20 s`, `in parse_frame (devmgmt + 0x41f0)`, `3 times in 24 h` */
function evidenceTexts({ evidence = {} }: ApiEvent): string[] {
  const { ran_ms: ran, oom, coredump, same_cause_24h: sameCause = 0 } = evidence
  const [frame] = coredump?.frames ?? []
  return [
    ...(ran === undefined ? [] : [`ran ${durationText(ran)}`]),
    ...(oom === undefined ? [] : [`out of memory${oom.process === undefined ? '' : `: ${oom.process} was killed`}`]),
    ...(frame === undefined ? [] : [`in ${frame}`]),
    ...(sameCause > 1 ? [`${sameCause} times in 24 h`] : []),
  ]
}

function toneOf({ event, flapping }: ApiEvent): Tone {
  if (event === 'crash' || event === 'gave_up') return 'bad'
  if (event === 'start' || event === 'restart') return 'ok'
  if (event === 'flapping') return flapping === true ? 'warn' : 'ok'
  if (event === 'lost' || event === 'summary' || event === 'identity_changed') return 'warn'
  return event === 'stop' ? 'idle' : 'busy'
}
