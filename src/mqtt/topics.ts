// Which topics there are, and how a unit's name stands in one. Pure.
import type { EventKind } from '../core/event.ts'

export interface Topics {
  readonly availability: string
  readonly agent: string
  event(kind: EventKind | 'dropped'): string
  unitState(unit: string): string
  /** A filter for the states of all units, also of those that nobody watches any more. */
  readonly unitStates: string
  /** The unit whose state is told there, null for any other topic. */
  unitOf(topic: string): string | null
}

/** `prefix` and `gatewayId` are checked by the configuration: no wildcards, no empty levels. */
export function topicsOf(prefix: string, gatewayId: string): Topics {
  const root = `${prefix}/${gatewayId}`
  const start = `${root}/unit/`
  const end = '/state'
  return {
    availability: `${root}/availability`,
    agent: `${root}/agent`,
    event: (kind) => `${root}/event/${kind}`,
    unitState: (unit) => `${start}${level(unit)}${end}`,
    unitStates: `${start}+${end}`,
    unitOf(topic) {
      if (!topic.startsWith(start) || !topic.endsWith(end)) return null
      const name = topic.slice(start.length, -end.length)
      return name === '' || name.includes('/') ? null : unlevel(name)
    },
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
