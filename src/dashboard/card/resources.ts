// What a unit uses now, on what it depends, and where it is configured.
import type { StatusView } from '../../core/views/api-views.ts'
import { age, bytesText, shortName } from '../../core/views/format.ts'
import { clockText } from '../clock-text.ts'
import { el, icon, setText, setTone } from '../dom.ts'
import { stateOf } from '../verdict.ts'
import { createSection } from './section.ts'
import type { UnitData } from './unit-data.ts'
import type { UnitDetails } from './unit-views.ts'

/** `open`: shows the card of another unit. */
export function createResources(open: (service: string) => void) {
  const numbers = el('dl.numbers')
  const now = createSection('Now', numbers)
  const relations = el('dl.relations')
  const dependencies = createSection('Dependencies', relations)
  const paths = el('ul.paths')
  const files = createSection('Unit file and drop-ins', paths)
  let drawn = ''

  return {
    elements: [now.element, dependencies.element, files.element],
    show(data: UnitData, status: StatusView, nowMs: number): void {
      const details = data.details()
      const known = Object.entries(numbersOf(details, data.cpuUsed(), nowMs))
      now.show(known.length > 0)
      fill(numbers, known)
      const { dependencies: units = {}, file, drop_ins: dropIns = [] } = details
      const tones = status.units.map((unit) => stateOf(unit).tone)
      const state = JSON.stringify([units, file, dropIns, tones])
      if (drawn === state) return
      drawn = state
      const groups = Object.entries(units).map(([relation, names]) =>
        el('div', el('dt', relation), el('dd', ...names.map((name) => unitOf(name, status, open)))),
      )
      relations.replaceChildren(...groups)
      dependencies.show(groups.length > 0)
      const all = [...(file ? [file] : []), ...dropIns]
      paths.replaceChildren(...all.map((path) => el('li', el('code', path))))
      files.show(all.length > 0)
    },
  }
}

/** Only what is known. */
function numbersOf(details: UnitDetails, cpuUsed: number | null, nowMs: number): Record<string, string> {
  const { memory_bytes: memory, cpu_seconds: cpu, tasks, main_pid: pid, restarts, active_entered: active } = details
  return {
    ...(memory != null && { Memory: bytesText(memory) }),
    ...(cpuUsed !== null && { CPU: `${(cpuUsed * 100).toFixed(cpuUsed < 0.1 ? 1 : 0)} %` }),
    ...(cpu != null && { 'CPU time': cpu < 60 ? `${cpu.toFixed(1)} s` : age(cpu * 1000) }),
    ...(tasks != null && { Tasks: String(tasks) }),
    ...(pid != null && pid > 0 && { 'Main PID': String(pid) }),
    ...(active != null && { 'Became active': clockText(Date.parse(active), nowMs) }),
    ...(restarts != null && { 'Automatic restarts': String(restarts) }),
  }
}

function fill(list: HTMLElement, facts: readonly (readonly [name: string, value: string])[]): void {
  const names = [...list.children].map((child) => child.firstElementChild?.textContent)
  if (names.join() !== facts.map(([name]) => name).join()) {
    list.replaceChildren(...facts.map(([name]) => el('div', el('dt', name), el('dd'))))
  }
  facts.forEach(([, value], i) => {
    const shown = list.children[i]?.lastElementChild
    if (shown) setText(shown, value)
  })
}

/** A watched unit has a card of its own. */
function unitOf(name: string, status: StatusView, open: (service: string) => void): HTMLElement {
  const unit = status.units.find(({ service }) => service === name)
  if (unit === undefined) return el('span', shortName(name))
  const button = el('button.link', icon('unknown'), shortName(name)) as HTMLButtonElement
  button.type = 'button'
  button.title = stateOf(unit).text
  setTone(button, stateOf(unit).tone)
  button.addEventListener('click', () => open(name))
  return button
}
