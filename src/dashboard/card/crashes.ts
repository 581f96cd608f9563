// The crashes of a unit: a strip of 30 days, and the latest ones by signature.

import { causeText } from '../../core/views/format.ts'
import type { HistoryJson, SignatureJson } from '../../core/views/history-json.ts'
import { el, setText, svg } from '../dom.ts'
import { ago } from '../verdict.ts'
import { dayCountsText, dayText, type MonthDay, monthOf, monthText } from './month.ts'
import { createSection } from './section.ts'

/** Size of a day in the view box of the strip. */
const DAY_WIDTH = 10
const BAR_WIDTH = 8
const HEIGHT = 40
/** Of a day on which the unit was started or stopped, but did not crash. */
const QUIET_HEIGHT = 6

export function createCrashes() {
  const strip = svg('svg', { class: 'month', role: 'img', preserveAspectRatio: 'none' })
  const firstDay = el('span')
  const summary = el('p.soft')
  const month = createSection(
    'Last 30 days',
    summary,
    el('div.strip', strip, el('p.ends', firstDay, el('span', 'today'))),
  )
  const rows = el('tbody')
  const heads = ['Crashes', 'Cause', 'Last', 'Signature'].map((title) => {
    const head = el('th', title)
    head.setAttribute('scope', 'col')
    return head
  })
  const table = el('table', el('thead', el('tr', ...heads)), rows)
  const signatures = createSection('Crashes by signature', table)
  let drawn = ''

  return {
    elements: [month.element, signatures.element],
    show(history: HistoryJson | null, nowMs: number): void {
      const { days, signatures: counted = [] } = history ?? {}
      month.show(days !== undefined)
      signatures.show(counted.length > 0)
      const shown = monthOf(days ?? [], nowMs)
      const state = JSON.stringify([shown, counted, Math.floor(nowMs / 60_000)])
      if (drawn === state) return
      drawn = state
      setText(summary, monthText(shown))
      setText(firstDay, dayText(shown[0]?.day ?? ''))
      strip.setAttribute('aria-label', `last 30 days: ${monthText(shown)}`)
      strip.setAttribute('viewBox', `0 0 ${shown.length * DAY_WIDTH - (DAY_WIDTH - BAR_WIDTH)} ${HEIGHT}`)
      strip.replaceChildren(...barsOf(shown))
      rows.replaceChildren(...counted.map((one) => rowOf(one, nowMs)))
    },
  }
}

function rowOf({ count, last, signature, ...cause }: SignatureJson, nowMs: number): HTMLElement {
  const when = last === undefined ? 'at an unknown time' : ago(last, nowMs)
  return el('tr', el('td', String(count)), el('td', causeText(cause)), el('td', when), el('td', el('code', signature)))
}

/** The height is logarithmic: one crash is visible beside a thousand. */
function barsOf(month: readonly MonthDay[]): SVGElement[] {
  const most = Math.max(1, ...month.map(({ counts }) => counts?.crashes ?? 0))
  return month.map((day, i) => {
    const box = { x: i * DAY_WIDTH, width: BAR_WIDTH }
    const title = svg('title', {})
    title.textContent = dayCountsText(day)
    const group = svg('g', {})
    group.append(title, svg('rect', { ...box, class: 'day', y: 0, height: HEIGHT }))
    const { crashes = 0, lost = 0 } = day.counts ?? {}
    const height = crashes === 0 ? QUIET_HEIGHT : HEIGHT * (0.3 + 0.7 * (Math.log(crashes) / Math.log(most) || 0))
    const kind = crashes > 0 ? 'crash' : lost > 0 ? 'lost' : 'running'
    if (day.counts !== null) group.append(svg('rect', { ...box, class: kind, y: HEIGHT - height, height }))
    return group
  })
}
