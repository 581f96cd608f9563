// Which topics there are, and how a unit's name stands in one. Pure.
import type { EventKind } from '../core/event.ts'

export interface Topics {
  readonly availability: string
  readonly agent: string
  event(kind: EventKind | 'dropped'): string
  unitState(unit: string): string
  /** The answer to a command. */
  unitResult(unit: string): string
  /** A filter for the states of all units, also of those that nobody watches any more. */
  readonly unitStates: string
  /** A filter for the commands to all units. */
  readonly unitSets: string
  /** The unit whose state is told there, null for any other topic. */
  unitOf(topic: string): string | null
  /** The unit that a command there is for, null for any other topic. */
  unitSetOf(topic: string): string | null
}

/** `prefix` and `gatewayId` are checked by the configuration: no wildcards, no empty levels. */
export function topicsOf(prefix: string, gatewayId: string): Topics {
  const root = `${prefix}/${gatewayId}`
  const ofUnit = (unit: string, end: string) => `${root}/unit/${unit}/${end}`
  const unitIn = (topic: string, end: string): string | null => {
    const start = `${root}/unit/`
    if (!topic.startsWith(start)) return null
    const [name, last, ...more] = topic.slice(start.length).split('/')
    return name && last === end && more.length === 0 ? unlevel(name) : null
  }
  return {
    availability: `${root}/availability`,
    agent: `${root}/agent`,
    event: (kind) => `${root}/event/${kind}`,
    unitState: (unit) => ofUnit(level(unit), 'state'),
    unitResult: (unit) => ofUnit(level(unit), 'result'),
    unitStates: ofUnit('+', 'state'),
    unitSets: ofUnit('+', 'set'),
    unitOf: (topic) => unitIn(topic, 'state'),
    unitSetOf: (topic) => unitIn(topic, 'set'),
  }
}

/**
 * A unit's name as one level of a topic. systemd allows letters, digits and `:-_.\@` in names (systemd.unit(5)), all of
 * which MQTT allows too: names stay as they are, `\x2d` included. What cannot be in a name is made harmless all the same.
 */
function level(unit: string): string {
  return unit.replace(/[/+#%\0]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function unlevel(text: string): string {
  return text.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
