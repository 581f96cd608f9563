// The state of one bus connection: pending calls, listeners, the filter for its messages, and closing all of it once.
import type { Clock } from '../ports.ts'
import { busError } from './bus.ts'
import { createListeners, type Listeners } from './listeners.ts'
import type { Marshaller } from './marshaller.ts'
import type { MessageFilter } from './message-guard.ts'
import { ERROR, METHOD_RETURN, SIGNAL } from './message-header.ts'
import { type CallReports, createPendingCalls, type PendingCalls } from './pending-calls.ts'
import { allProperties, changedProperties, type NamesByLength } from './read-properties.ts'

export interface LinkOptions extends CallReports {
  readonly after: Clock['after']
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

export function createLink({ after, fault, ...reports }: LinkOptions): Link {
  const pending = createPendingCalls(after, reports, fault)
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
      pending.close(reason)
      listeners.closed(reason)
    },
  }
}

/**
 * Which messages `link` needs, and how they are read. The `wanted` properties of PropertiesChanged and GetAll replies are read
 * here, without dbus-next.
 */
export function messageFilter(link: Link, marshaller: Marshaller, wanted: NamesByLength | null): MessageFilter {
  const { pending, listeners, fault } = link
  return {
    admit(header) {
      if (link.isClosed()) return false
      if (header.type === METHOD_RETURN || header.type === ERROR) return pending.has(header.replySerial)
      return header.type === SIGNAL && listeners.want(header) // method calls to us are dropped
    },
    read(header, message) {
      const { type, path, interface: face, member, sender, serial, replySerial, signature, bodyAt, little } = header
      if (type === SIGNAL) {
        let body: readonly unknown[]
        if (wanted !== null && member === 'PropertiesChanged' && signature === 'sa{sv}as') {
          const changed = changedProperties(message, bodyAt, little, wanted)
          body = [changed.interface, changed.properties, []]
        } else body = marshaller.body(header, message)
        listeners.signal({ path, interface: face, member, sender, serial, body })
      } else if (type === ERROR) {
        const [words] = marshaller.body(header, message)
        const { errorName } = header
        pending.settle(replySerial, busError(errorName, typeof words === 'string' ? words : errorName), [])
      } else if (wanted !== null && signature === 'a{sv}')
        pending.settle(replySerial, null, [allProperties(message, bodyAt, little, wanted)])
      else pending.settle(replySerial, null, marshaller.body(header, message))
    },
    malformed: fault,
    giveUp(reason) {
      fault(reason)
      link.close(reason)
    },
  }
}
