// Distributes the components among discovery messages, each small enough. Pure.
// A component stays in the message that it was published in: Home Assistant knows it by topic and key.
import type { Component } from './message.ts'

/**
 * The components of each message by its number, from 1 on; a message without components has no entry. `former`: the number
 * of the message in which an entity was published, if it was.
 */
export function placed(
  components: readonly Component[],
  room: number,
  former: (id: string) => number | undefined,
): Map<number, Component[]> {
  const messages = new Map<number, Component[]>()
  const used = new Map<number, number>()
  const fits = (number: number, { bytes }: Component) =>
    (used.get(number) ?? 0) + bytes <= room || !messages.has(number)
  const put = (number: number, component: Component) => {
    messages.get(number)?.push(component) ?? messages.set(number, [component])
    used.set(number, (used.get(number) ?? 0) + component.bytes)
  }

  const others: Component[] = []
  for (const component of components) {
    const number = former(component.id)
    if (number !== undefined && fits(number, component)) put(number, component)
    else others.push(component)
  }
  for (const component of others) {
    let number = 1
    while (!fits(number, component)) number += 1
    put(number, component)
  }
  return messages
}
