// The list of units: one row each, changed in place, in the order of the configuration.
import type { StatusView, UnitView } from '../core/api-views.ts'
import { age, causeText, plural, shortName } from '../core/format.ts'
import type { Counters } from '../core/unit.ts'
import { type Buttons, buttonsOf } from './control.ts'
import { byId, el, icon, say, sayTime, svg, timeEl, tint } from './dom.ts'
import type { Told } from './gateway.ts'
import { DAY_MS, type Strip, stripOf, stripText } from './strip.ts'
import { ago, stateOf } from './verdict.ts'

const COUNTS: readonly (keyof Counters)[] = ['starts', 'stops', 'crashes', 'restarts', 'lost']

/** The strip is this many units wide, one for each minute. */
const WIDE = 1_440
/** What is shorter is drawn this wide: a crash has no length at all. */
const MARK_WIDE = 10

interface Row {
  readonly element: HTMLElement
  show(unit: UnitView, events: readonly Told[], wholeFromMs: number, nowMs: number, buttons: Buttons): void
}

const rows = new Map<string, Row>()

export function showUnits(status: StatusView, events: readonly Told[], nowMs: number): void {
  const wholeFromMs = Date.parse(events[0]?.timestamp ?? status.started_at ?? '')
  const list = byId('units')
  const buttons = buttonsOf(status)
  const byUnit = Map.groupBy(events, (event) => event.service)
  for (const [name, row] of rows) {
    if (status.units.some((unit) => unit.service === name)) continue
    row.element.remove()
    rows.delete(name)
  }
  status.units.forEach((unit, i) => {
    const row = rows.get(unit.service) ?? newRow(unit.service)
    rows.set(unit.service, row)
    if (list.children[i] !== row.element) list.insertBefore(row.element, list.children[i] ?? null)
    row.show(unit, byUnit.get(unit.service) ?? [], wholeFromMs, nowMs, buttons)
  })
}

function newRow(name: string): Row {
  const stateWord = el('span')
  const state = el('p.state', icon('unknown'), stateWord)
  const sub = el('span')
  const since = timeEl()
  const cause = el('p.cause')
  const strip = svg('svg', { class: 'strip', role: 'img', viewBox: `0 0 ${WIDE} 1`, preserveAspectRatio: 'none' })
  const acts = el('p.acts')
  const numbers = COUNTS.map((what) => ({ what, value: el('dd'), box: el('div') }))
  for (const { what, value, box } of numbers) box.append(el('dt', what), value)
  const counts = el('dl.counts', ...numbers.map(({ box }) => box))
  const element = el('li.unit', el('h3', shortName(name)), state, cause, el('p.since', sub, since), strip, counts, acts)
  let drawn = ''
  return {
    element,
    show(unit, events, wholeFromMs, nowMs, buttons) {
      const { tone, text } = stateOf(unit)
      tint(element, tone)
      tint(state, tone)
      say(stateWord, text)
      say(sub, unit.sub_state === null || unit.sub_state === text ? '' : `${unit.sub_state} `)
      if (unit.since !== null) sayTime(since, Date.parse(unit.since), `for ${age(nowMs - Date.parse(unit.since))}`)
      say(cause, causeOf(unit, nowMs))
      for (const { what, value, box } of numbers) {
        say(value, String(unit.counters[what]))
        box.className = unit.counters[what] === 0 ? 'none' : what === 'crashes' ? 'hot' : ''
      }
      const life = stripOf(unit, events, wholeFromMs, nowMs)
      const words = stripText(life)
      if (strip.getAttribute('aria-label') !== words) strip.setAttribute('aria-label', words)
      const shapes = shapesOf(life)
      if (drawn !== shapes.join()) strip.replaceChildren(...shapes.map(draw))
      drawn = shapes.join()
      buttons.show(acts, unit)
    },
  }
}

function causeOf(unit: UnitView, nowMs: number): string {
  const { last_crash: crash, counters } = unit
  const lost = counters.lost > 0 ? `; ${plural(counters.lost, 'end')} nobody saw` : ''
  return crash === null ? `no crash${lost}` : `last crash ${causeText(crash)}, ${ago(crash.timestamp, nowMs)}${lost}`
}

/** `running 0 720`: class, place and width of each rectangle, in whole minutes, so that most redraws change nothing. */
function shapesOf({ fromMs, toMs, spans, crashesMs }: Strip): string[] {
  const place = (ms: number) => Math.round(((ms - fromMs) / DAY_MS) * WIDE)
  const lives = spans.map(({ fromMs: from, life }, i) => {
    const x = place(from)
    const end = spans[i + 1]?.fromMs
    // The last one goes over the edge, which else shows through.
    return `${life} ${x} ${(end === undefined ? place(toMs) + MARK_WIDE : place(end)) - x}`
  })
  const marks = new Set(crashesMs.map((ms) => Math.floor(place(ms) / MARK_WIDE) * MARK_WIDE))
  return [...lives, ...[...marks].map((x) => `crash ${Math.min(x, WIDE - MARK_WIDE)} ${MARK_WIDE}`)]
}

function draw(shape: string): SVGElement {
  const [life = '', x = 0, width = 0] = shape.split(' ')
  return svg('rect', { class: life, x, width, height: 1 })
}
