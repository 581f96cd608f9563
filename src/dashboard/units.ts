// The list of units: one row each, updated in place. Those that need attention come first; a click opens the card.
import type { StatusView, UnitView } from '../core/views/api-views.ts'
import { shortName } from '../core/views/format.ts'
import type { ApiEvent } from './api-types.ts'
import { createCounters } from './counters.ts'
import { breakable, byId, el, setText, setTone, svg } from './dom.ts'
import { createStateLine } from './state-line.ts'
import { DAY_MS, type Timeline, timelineOf, timelineText } from './timeline.ts'
import { byUrgency, causeOf, stateOf } from './verdict.ts'

/** Width of the timeline's view box: one for each minute. */
const TIMELINE_WIDTH = 1_440
/** The smallest visible width, for crashes, which have no duration. */
const MARK_WIDTH = 10

interface Row {
  readonly element: HTMLElement
  show(unit: UnitView, events: readonly ApiEvent[], completeFromMs: number, nowMs: number): void
}

const rows = new Map<string, Row>()

/** `open`: shows the card of a unit. */
export function showUnits(
  status: StatusView,
  events: readonly ApiEvent[],
  nowMs: number,
  open: (service: string) => void,
): void {
  const completeFromMs = Date.parse(events[0]?.timestamp ?? status.started_at ?? '')
  const byUnit = Map.groupBy(events, (event) => event.service)
  for (const [name, row] of rows) {
    if (status.units.some((unit) => unit.service === name)) continue
    row.element.remove()
    rows.delete(name)
  }
  const inOrder = byUrgency(status.units).map((unit) => {
    const row = rows.get(unit.service) ?? newRow(unit.service, open)
    rows.set(unit.service, row)
    row.show(unit, byUnit.get(unit.service) ?? [], completeFromMs, nowMs)
    return row.element
  })
  arrange(byId('units'), inOrder)
}

/** An element that moves loses the focus, so that is given back. */
function arrange(list: HTMLElement, inOrder: readonly HTMLElement[]): void {
  const focused = document.activeElement
  inOrder.forEach((element, i) => {
    if (list.children[i] !== element) list.insertBefore(element, list.children[i] ?? null)
  })
  if (focused instanceof HTMLElement && list.contains(focused)) focused.focus({ preventScroll: true })
}

function newRow(name: string, open: (service: string) => void): Row {
  const line = createStateLine()
  const cause = el('p.cause')
  const timeline = newTimeline()
  const counters = createCounters()
  const button = el('button.name', ...breakable(shortName(name))) as HTMLButtonElement
  button.type = 'button'
  button.ariaHasPopup = 'dialog'
  const element = el('li.unit', el('h3', button), line.state, cause, line.since, timeline.element, counters.element)
  // Not at the end of a selection with the mouse; `detail` is 0 with the keyboard.
  element.addEventListener('click', ({ detail }) => {
    if (detail === 0 || getSelection()?.type !== 'Range') open(name)
  })
  return {
    element,
    show(unit, events, completeFromMs, nowMs) {
      setTone(element, stateOf(unit).tone)
      line.show(unit, nowMs)
      setText(cause, causeOf(unit, nowMs))
      counters.show(unit.counters)
      timeline.show(timelineOf(unit, events, completeFromMs, nowMs))
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
