// Topic names, and how a unit name is encoded in one. Pure.
import type { EventKind } from '../core/event.ts'

/** What refused messages are counted by. */
export type MessageKind = 'state' | 'event' | 'agent' | 'discovery' | 'thinedge'

export interface Topics {
  readonly availability: string
  readonly agent: string
  event(kind: EventKind | 'dropped'): string
  unitState(unit: string): string
  /** Commands to this unit. */
  unitSet(unit: string): string
  /** The result of a command. */
  unitResult(unit: string): string
  /** Filter for the states of all units, those no longer watched included. */
  readonly unitStates: string
  /** Filter for the commands to all units. */
  readonly unitSets: string
  /** The unit whose state this topic carries; null for any other topic. */
  unitOf(topic: string): string | null
  /** The unit that a command on this topic is for; null for any other topic. */
  unitSetOf(topic: string): string | null
  kindOf(topic: string): MessageKind
}

/** The configuration has checked `prefix` and `gatewayId`: no wildcards, no empty levels. */
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
    unitSet: (unit) => ofUnit(level(unit), 'set'),
    unitResult: (unit) => ofUnit(level(unit), 'result'),
    unitStates: ofUnit('+', 'state'),
    unitSets: ofUnit('+', 'set'),
    unitOf: (topic) => unitIn(topic, 'state'),
    unitSetOf: (topic) => unitIn(topic, 'set'),
    kindOf(topic) {
      if (!topic.startsWith(`${root}/`)) return topic.startsWith('te/') ? 'thinedge' : 'discovery'
      if (unitIn(topic, 'state') !== null) return 'state'
      // the result of a command counts as an event, too
      return topic.startsWith(`${root}/event/`) || unitIn(topic, 'result') !== null ? 'event' : 'agent'
    },
  }
}

/**
 * A unit name as one topic level. MQTT allows every character that systemd.unit(5) allows, so names stay unchanged.
 * Characters with a meaning in topics are percent-encoded, in case one occurs.
 */
function level(unit: string): string {
  return unit.replace(/[/+#%\0]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

function unlevel(text: string): string {
  return text.replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
