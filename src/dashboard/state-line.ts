// The state of a unit: icon and word, and since when.
import type { UnitView } from '../core/views/api-views.ts'
import { ageOf } from '../core/views/format.ts'
import { el, icon, setText, setTime, setTone, timeEl } from './dom.ts'
import { stateOf } from './verdict.ts'

export function createStateLine() {
  const word = el('span')
  const state = el('p.state', icon('unknown'), word)
  const sub = el('span')
  const time = timeEl()
  const since = el('p.since', sub, time)
  return {
    state,
    since,
    show(unit: UnitView, nowMs: number): void {
      const { tone, text } = stateOf(unit)
      setTone(state, tone)
      setText(word, text)
      const { sub_state: subState } = unit
      const addsNothing = subState === null || subState === text || unit.active_state === 'unloaded'
      setText(sub, addsNothing ? '' : `${subState} `)
      const age = unit.since === null ? null : ageOf(unit.since, nowMs)
      time.hidden = age === null
      if (unit.since !== null) setTime(time, Date.parse(unit.since), `for ${age}`)
    },
  }
}
