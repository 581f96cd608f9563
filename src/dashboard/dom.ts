// Builds and updates DOM elements; text from the gateway is only ever set as text, never parsed as markup.
import type { Tone } from './tone.ts'

/** The element of the page with this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no element #${id}`)
  return found as T
}

type Child = Node | string

/** `el('li.unit', 'text', node)`: an element with a class. */
export function el(what: string, ...children: readonly Child[]): HTMLElement {
  const [tag = '', className] = what.split('.')
  const element = document.createElement(tag)
  if (className !== undefined) element.className = className
  element.append(...children)
  return element
}

/** A name that may be broken after its separators: `edger.` `connecteddev`. */
export function breakable(name: string): readonly Child[] {
  return name.split(/(?<=[._@-])/).flatMap((part) => [part, el('wbr')])
}

const SVG = 'http://www.w3.org/2000/svg'

export function svg(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  return element
}

/** An icon whose shape carries the same meaning as its colour. */
export function icon(tone: Tone): SVGElement {
  const element = svg('svg', { class: 'icon', 'aria-hidden': 'true' })
  element.append(svg('use', { href: `#${tone}` }))
  return element
}

/** Writes only a changed text, so that screen readers do not announce it again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Sets the colour and the icon of an element that has an icon. */
export function setTone(element: HTMLElement, tone: Tone): void {
  if (element.dataset['tone'] === tone) return
  element.dataset['tone'] = tone
  element.querySelector('use')?.setAttribute('href', `#${tone}`)
}

export function timeEl(): HTMLTimeElement {
  return document.createElement('time')
}

/** Shows `text`; the full date and time are in the tooltip. */
export function setTime(element: HTMLTimeElement, atMs: number, text: string): void {
  const iso = new Date(atMs).toISOString()
  if (element.dateTime !== iso) {
    element.dateTime = iso
    element.title = new Date(atMs).toLocaleString()
  }
  setText(element, text)
}
