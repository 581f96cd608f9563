// A bus for tests that records calls and returns exactly the replies that the test gives.
import { type Bus, busError, type Call } from '../../src/dbus/bus.ts'

export interface FakeBus {
  readonly bus: Bus
  /** The calls that wait for a reply, oldest first, as `MEMBER unit`. */
  waiting(): string[]
  /** Replies to the oldest call that waits; the body has one value. */
  reply(value: unknown): void
  fail(errorName: string): void
}

export function fakeBus(): FakeBus {
  const calls: { readonly call: Call; readonly onReply: Parameters<Bus['request']>[1] }[] = []
  const next = () => {
    const first = calls.shift()
    if (first === undefined) throw new Error('no call waits for a reply')
    return first.onReply
  }
  const unused = () => {
    throw new Error('not expected here')
  }
  return {
    bus: {
      uniqueName: ':1.7',
      request: (call, onReply) => void calls.push({ call, onReply }),
      call: unused,
      addMatch: unused,
      onSignal: unused,
      onClose: unused,
      close: unused,
    },
    waiting: () => calls.map(({ call }) => `${call.member} ${call.path.slice(call.path.lastIndexOf('/') + 1)}`),
    reply: (value) => next()(null, [value]),
    fail: (errorName) => next()(busError(errorName, 'failed'), []),
  }
}
