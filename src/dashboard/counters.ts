// The counters of a unit, as a list of numbers with their names.
import type { Counters } from '../core/unit.ts'
import { el, setText } from './dom.ts'

const COUNTERS: readonly (keyof Counters)[] = ['starts', 'stops', 'crashes', 'restarts', 'lost']

export function createCounters() {
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
