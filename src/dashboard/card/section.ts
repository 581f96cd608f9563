// A section of the card: a heading and its content, hidden while there is nothing to show.
import { el } from '../dom.ts'

export interface Section {
  readonly element: HTMLElement
  show(isKnown: boolean): void
}

export function createSection(title: string, ...content: readonly HTMLElement[]): Section {
  const element = el('section', el('h3', title), ...content)
  element.hidden = true
  return {
    element,
    show(isKnown) {
      element.hidden = !isKnown
    },
  }
}
