// Connections that are over: they were seen to end, and then systemd unloaded them. Reading one would only load it again.
import { isAtRest } from '../core/unit-facts.ts'

interface EndedConnections {
  /** The unit was seen in this state. */
  seen(label: string, activeState: string): void
  loaded(label: string): void
  unloaded(label: string): void
  has(label: string): boolean
  forget(label: string): void
}

export function createEndedConnections(isConnection: (label: string) => boolean): EndedConnections {
  /** Units that were not at rest when they were last seen. */
  const busy = new Set<string>()
  const ended = new Set<string>()
  return {
    seen(label, activeState) {
      if (isAtRest(activeState)) busy.delete(label)
      else busy.add(label)
    },
    loaded: (label) => void ended.delete(label),
    unloaded(label) {
      if (isConnection(label) && !busy.has(label)) ended.add(label)
    },
    has: (label) => ended.has(label),
    forget(label) {
      busy.delete(label)
      ended.delete(label)
    },
  }
}
