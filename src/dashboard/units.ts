// The list of units: one row each, updated in place, in the order of the configuration.

import type { Counters } from '../core/unit.ts'
import type { StatusView, UnitView } from '../core/views/api-views.ts'
import { ageOf, causeText, plural, shortName } from '../core/views/format.ts'
import type { ApiEvent } from './api-client.ts'
import { createUnitButtons, type UnitButtons } from './control.ts'
import { byId, el, icon, setText, setTime, setTone, svg, timeEl } from './dom.ts'
import { DAY_MS, type Timeline, timelineOf, timelineText } from './timeline.ts'
import { ago, stateOf } from './verdict.ts'

const COUNTERS: readonly (keyof Counters)[] = ['starts', 'stops', 'crashes', 'restarts', 'lost']

/** Width of the timeline's view box: one for each minute. */
const TIMELINE_WIDTH = 1_440
/** The smallest visible width, for crashes, which have no duration. */
const MARK_WIDTH = 10

interface Row {
  readonly element: HTMLElement
  show(unit: UnitView, events: readonly ApiEvent[], completeFromMs: number, nowMs: number, buttons: UnitButtons): void
}

const rows = new Map<string, Row>()

export function showUnits(status: StatusView, events: readonly ApiEvent[], nowMs: number): void {
  const completeFromMs = Date.parse(events[0]?.timestamp ?? status.started_at ?? '')
  const list = byId('units')
  const buttons = createUnitButtons(status)
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
    row.show(unit, byUnit.get(unit.service) ?? [], completeFromMs, nowMs, buttons)
  })
}

function newRow(name: string): Row {
  const stateText = el('span')
  const state = el('p.state', icon('unknown'), stateText)
  const sub = el('span')
  const since = timeEl()
  const cause = el('p.cause')
  const timeline = newTimeline()
  const actions = el('p.actions')
  const counters = newCounters()
  const element = el(
    'li.unit',
    el('h3', shortName(name)),
    state,
    cause,
    el('p.since', sub, since),
    timeline.element,
    counters.element,
    actions,
  )
  return {
    element,
    show(unit, events, completeFromMs, nowMs, buttons) {
      const { tone, text } = stateOf(unit)
      setTone(element, tone)
      setTone(state, tone)
      setText(stateText, text)
      setText(sub, unit.sub_state === null || unit.sub_state === text ? '' : `${unit.sub_state} `)
      const age = unit.since === null ? null : ageOf(unit.since, nowMs)
      since.hidden = age === null
      if (unit.since !== null) setTime(since, Date.parse(unit.since), `for ${age}`)
      setText(cause, causeOf(unit, nowMs))
      counters.show(unit.counters)
      timeline.show(timelineOf(unit, events, completeFromMs, nowMs))
      buttons.show(actions, unit)
    },
  }
}

function newCounters() {
  const boxes = COUNTERS.map((name) => {
    const value = el('dd')
    return { name, value, element: el('div', el('dt', name), value) }
  })
  return {
    element: el('dl.counters', ...boxes.map((box) => box.element)),
    show(counters: Counters): void {
      for (const { name, value, element } of boxes) {
        setText(value, String(counters[name]))
        element.className = counters[name] === 0 ? 'zero' : name === 'crashes' ? 'crashes' : ''
      }
    },
  }
}

function newTimeline() {
  const viewBox = `0 0 ${TIMELINE_WIDTH} 1`
  const element = svg('svg', { class: 'timeline', role: 'img', viewBox, preserveAspectRatio: 'none' })
  let drawn = ''
  return {
    element,
    show(timeline: Timeline): void {
      const text = timelineText(timeline)
      if (element.getAttribute('aria-label') !== text) element.setAttribute('aria-label', text)
      const shapes = shapesOf(timeline)
      if (drawn !== shapes.join()) element.replaceChildren(...shapes.map(rectangle))
      drawn = shapes.join()
    },
  }
}

function causeOf(unit: UnitView, nowMs: number): string {
  const { last_crash: crash, counters } = unit
  const refused = Object.values(unit.start_jobs_failed ?? {}).reduce((sum, count) => sum + count, 0)
  const crashed = crash === null ? 'no crash' : `last crash ${causeText(crash)}, ${ago(crash.timestamp, nowMs)}`
  const lost = counters.lost > 0 ? `; ${plural(counters.lost, 'run')} ended unobserved` : ''
  return crashed + lost + (refused > 0 ? `; ${plural(refused, 'start')} refused` : '')
}

/** `running 0 720`: class, position and width of each rectangle. In whole minutes: most redraws change nothing. */
function shapesOf({ fromMs, toMs, spans, crashesMs }: Timeline): string[] {
  const positionOf = (ms: number) => Math.round(((ms - fromMs) / DAY_MS) * TIMELINE_WIDTH)
  const phases = spans.map(({ fromMs: from, phase }, i) => {
    const x = positionOf(from)
    const end = spans[i + 1]?.fromMs
    // The last one extends past the edge, where rounding could leave a gap.
    return `${phase} ${x} ${(end === undefined ? positionOf(toMs) + MARK_WIDTH : positionOf(end)) - x}`
  })
  const marks = new Set(crashesMs.map((ms) => Math.floor(positionOf(ms) / MARK_WIDTH) * MARK_WIDTH))
  return [...phases, ...[...marks].map((x) => `crash ${Math.min(x, TIMELINE_WIDTH - MARK_WIDTH)} ${MARK_WIDTH}`)]
}

function rectangle(shape: string): SVGElement {
  const [className = '', x = 0, width = 0] = shape.split(' ')
  return svg('rect', { class: className, x, width, height: 1 })
}
