// The state of one bus connection: pending calls, listeners, the filter for its messages, and closing all of it once.
import type { Socket } from 'node:net'
import type { Clock } from '../ports.ts'
import { createListeners, type Listeners } from './listeners.ts'
import type { MessageFilter } from './message-guard.ts'
import { ERROR, METHOD_RETURN, type MessageHeader, SIGNAL } from './message-header.ts'
import { createPendingCalls, type PendingCalls } from './pending-calls.ts'
import { allProperties, changedProperties, type NamesByLength } from './read-properties.ts'

export interface LinkOptions {
  readonly after: Clock['after']
  readonly onDuration: (member: string, ms: number) => void
  readonly fault: (problem: string) => void
}

export interface Link {
  readonly pending: PendingCalls
  readonly listeners: Listeners
  readonly fault: (problem: string) => void
  /** The bus has assigned our unique name. */
  named: boolean
  isClosed(): boolean
  /** Does nothing if the link is closed already. */
  close(reason: string): void
}

export function createLink(socket: Socket, { after, onDuration, fault }: LinkOptions): Link {
  const pending = createPendingCalls(after, onDuration, fault)
  const listeners = createListeners(fault)
  let closed = false
  return {
    pending,
    listeners,
    fault,
    named: false,
    isClosed: () => closed,
    close(reason) {
      if (closed) return
      closed = true
      socket.destroy()
      pending.close(reason)
      listeners.closed(reason)
    },
  }
}

/** Which messages `link` needs. The `wanted` properties of PropertiesChanged and GetAll replies are read here, without dbus-next. */
export function messageFilter(link: Link, wanted: NamesByLength | null): MessageFilter {
  const { pending, listeners, fault } = link
  return {
    admit(header) {
      if (link.isClosed()) return false
      if (!link.named) return isHelloReply(header, link)
      if (header.type === METHOD_RETURN || header.type === ERROR) return pending.has(header.replySerial)
      return header.type === SIGNAL && listeners.want(header) // method calls to us are dropped
    },
    read(header, message) {
      if (wanted === null) return false
      if (header.type === METHOD_RETURN && header.signature === 'a{sv}') {
        pending.settle(header.replySerial, null, [allProperties(message, header.bodyAt, header.little, wanted)])
        return true
      }
      if (header.member !== 'PropertiesChanged' || header.signature !== 'sa{sv}as') return false
      const changed = changedProperties(message, header.bodyAt, header.little, wanted)
      const { path, member, sender, serial } = header
      const body = [changed.interface, changed.properties, []]
      listeners.signal({ path, interface: header.interface, member, sender, serial, body })
      return true
    },
    malformed: fault,
    giveUp(reason) {
      fault(reason)
      link.close(reason)
    },
  }
}

/** Before we have a name, only the reply to Hello passes. An error reply would become an unhandled rejection in dbus-next. */
function isHelloReply(header: MessageHeader, link: Link): boolean {
  if (header.type === ERROR) link.close(`the bus refused the connection: ${header.errorName}`)
  return header.type === METHOD_RETURN
}
