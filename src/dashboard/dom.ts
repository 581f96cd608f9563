// Elements, and their texts: whatever comes from the gateway becomes text, never markup.
export type Tone = 'ok' | 'bad' | 'warn' | 'idle' | 'busy' | 'unknown'

/** The element of the page that has this id. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`no #${id} in the page`)
  return found as T
}

type Child = Node | string

/** `el('li.unit', 'text', node)`: an element with a class. */
export function el(what: string, ...children: readonly Child[]): HTMLElement {
  const [tag = '', name] = what.split('.')
  const made = document.createElement(tag)
  if (name !== undefined) made.className = name
  made.append(...children)
  return made
}

const SVG = 'http://www.w3.org/2000/svg'

export function svg(tag: string, attributes: Readonly<Record<string, string | number>>): SVGElement {
  const made = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value))
  return made
}

/** A mark whose shape says what its colour says. */
export function icon(tone: Tone): SVGElement {
  const made = svg('svg', { class: 'icon', 'aria-hidden': 'true' })
  made.append(svg('use', { href: `#${tone}` }))
  return made
}

/** Gives the element this text, where it has another. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** Colour and mark of an element that has an icon. */
export function tint(element: HTMLElement, tone: Tone): void {
  if (element.dataset['tone'] === tone) return
  element.dataset['tone'] = tone
  element.querySelector('use')?.setAttribute('href', `#${tone}`)
}

/** The instant as an element: short to read, whole when pointed at. */
export function timeEl(): HTMLTimeElement {
  return document.createElement('time')
}

export function sayTime(element: HTMLTimeElement, atMs: number, text: string): void {
  const iso = new Date(atMs).toISOString()
  if (element.dateTime !== iso) {
    element.dateTime = iso
    element.title = new Date(atMs).toLocaleString()
  }
  say(element, text)
}
