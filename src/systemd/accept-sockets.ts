// Finds the templates whose instances are connections: systemd starts one for each connection to an Accept=yes socket.
//
// The socket itself is read, not the instances: they may be gone before they can be read, and systemd forgets what triggered
// them (TriggeredBy) when it unloads them. The form of their names (`conn@0-10.0.0.1:22-10.0.0.2:4711.service`) is not fixed.
// systemd.socket(5): with Accept=yes, connections to conn.socket are always instances of conn@.service. A socket that is
// itself an instance is not considered.
import { templateOf } from '../core/unit-name.ts'
import type { Bus } from '../dbus/bus.ts'
import { plain } from '../dbus/variants.ts'
import { acceptCall } from './manager-api.ts'

const SERVICE_TEMPLATE = /@\.service$/

interface AcceptSockets {
  /** Every unit is about to be read again: so are the sockets of these, which a pattern has found. */
  begin(names: readonly string[]): void
  /** A pattern has found this unit: reads the socket of its template, once. */
  check(name: string): void
  /** Whether the unit is one connection, as far as is known. */
  isConnection(name: string): boolean
}

/** `report` is called with each socket that was read. */
export function createAcceptSockets(bus: Bus, report: (template: string, accepting: boolean) => void): AcceptSockets {
  const accepting = new Set<string>()
  const checked = new Set<string>()

  function read(template: string): void {
    bus.request(acceptCall(template.replace(SERVICE_TEMPLATE, '.socket')), (error, [accept]) => {
      if (error !== null) return
      const is = plain(accept) === true
      if (is) accepting.add(template)
      else accepting.delete(template)
      report(template, is)
    })
  }

  function check(name: string): void {
    const template = templateOf(name)
    if (template === null || !SERVICE_TEMPLATE.test(template) || checked.has(template)) return
    checked.add(template)
    read(template)
  }

  return {
    begin(names) {
      checked.clear()
      for (const name of names) check(name)
    },
    check,
    isConnection(name) {
      const template = templateOf(name)
      return template !== null && accepting.has(template)
    },
  }
}
