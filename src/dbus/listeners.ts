// The signal and close listeners of one bus connection; an exception in one listener does not affect the others. Pure.
import { stackOf } from '../core/error-text.ts'
import type { Bus, Signal } from './bus.ts'
import type { MessageHeader } from './message-header.ts'

export interface Listeners extends Pick<Bus, 'onClose'> {
  onSignal(call: (signal: Signal) => void, wants: (header: MessageHeader) => boolean): () => void
  /** Whether any listener wants this signal. */
  want(header: MessageHeader): boolean
  signal(signal: Signal): void
  closed(reason: string): void
}

/** `fault` is called when a listener throws. */
export function createListeners(fault: (problem: string) => void): Listeners {
  const signalListeners = new Set<{ readonly call: (signal: Signal) => void; wants(header: MessageHeader): boolean }>()
  const closeListeners = new Set<(reason: string) => void>()

  const contain = (what: string, run: () => void) => {
    try {
      run()
    } catch (error) {
      fault(`${what} threw: ${stackOf(error)}`)
    }
  }

  return {
    onSignal(call, wants) {
      const listener = { call, wants }
      signalListeners.add(listener)
      return () => signalListeners.delete(listener)
    },
    onClose(listener) {
      closeListeners.add(listener)
      return () => closeListeners.delete(listener)
    },
    want(header) {
      for (const { wants } of signalListeners) if (wants(header)) return true
      return false
    },
    signal(signal) {
      for (const { call } of signalListeners) contain('a signal listener', () => call(signal))
    },
    closed(reason) {
      for (const listener of closeListeners) contain('a close listener', () => listener(reason))
    },
  }
}
