// One connection while it lasts, whatever reads its messages: calls that wait, listeners, which messages matter, and the one end of it all.
import type { Socket } from 'node:net'
import type { Clock } from '../ports.ts'
import { createListeners, type Listeners } from './listeners.ts'
import type { MessageFilter } from './message-guard.ts'
import { ERROR, METHOD_RETURN, type MessageHeader, SIGNAL } from './message-header.ts'
import { createPendingCalls, type PendingCalls } from './pending-calls.ts'
import { allProperties, changedProperties, type NamesByLength } from './read-properties.ts'

export interface LinkOptions {
  readonly after: Clock['after']
  readonly onAnswer: (member: string, ms: number) => void
  readonly fault: (problem: string) => void
}

export interface Link {
  readonly pending: PendingCalls
  readonly listeners: Listeners
  readonly fault: (problem: string) => void
  /** The bus has given us a name. */
  named: boolean
  isClosed(): boolean
  /** A first reason stays. */
  close(reason: string): void
}

export function createLink(socket: Socket, { after, onAnswer, fault }: LinkOptions): Link {
  const pending = createPendingCalls(after, onAnswer, fault)
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

/** Which messages matter to `link`; of PropertiesChanged and answers to GetAll it reads the `wanted` properties itself. */
export function messageFilter(link: Link, wanted: NamesByLength | null): MessageFilter {
  const { pending, listeners, fault } = link
  return {
    admit(header) {
      if (link.isClosed()) return false
      if (!link.named) return isNaming(header, link)
      if (header.type === METHOD_RETURN || header.type === ERROR) return pending.awaits(header.replySerial)
      return header.type === SIGNAL && listeners.want(header) // nobody has any business calling us
    },
    read(header, rest) {
      if (wanted === null) return false
      if (header.type === METHOD_RETURN && header.signature === 'a{sv}') {
        pending.answer(header.replySerial, null, [allProperties(rest, header.bodyAt, header.little, wanted)])
        return true
      }
      if (header.member !== 'PropertiesChanged' || header.signature !== 'sa{sv}as') return false
      const changed = changedProperties(rest, header.bodyAt, header.little, wanted)
      const { path, member, sender } = header
      const body = [changed.interface, changed.properties, []]
      listeners.signal({ path, interface: header.interface, member, sender, body })
      return true
    },
    malformed: (reason) => fault(`a message was dropped: ${reason}`),
    giveUp(reason) {
      fault(reason)
      link.close(reason)
    },
  }
}

/** Only the answer to Hello: an error in it would become an unhandled rejection in dbus-next. */
function isNaming(header: MessageHeader, link: Link): boolean {
  if (header.type === ERROR) link.close(`it refused us: ${header.errorName}`)
  return header.type === METHOD_RETURN
}
