// Method calls waiting for their reply: each settles once, by its reply, by timeout, or when the connection closes.
import { stackOf } from '../core/error-text.ts'
import type { Clock } from '../ports.ts'
import { type Body, busError, type Call } from './bus.ts'

const CALL_AT_MOST_MS = 25_000

type ReplyHandler = (error: Error | null, body: Body) => void

export interface PendingCalls {
  /** Registers a call. `send` writes it to the socket under this serial; if it throws, the call fails with that error. */
  add(serial: number, call: Call, onReply: ReplyHandler, send: () => void): void
  has(serial: number): boolean
  settle(serial: number, error: Error | null, body: Body): void
  /** Fails all waiting calls and every later one. */
  close(reason: string): void
}

export interface CallReports {
  /** Each call that got a reply: its member and the time until the reply. */
  readonly onDuration: (member: string, ms: number) => void
  /** Each call that got an error, or no reply. */
  readonly onFailure: (member: string, error: Error) => void
}

/** `fault` is called when a reply handler throws. */
export function createPendingCalls(
  after: Clock['after'],
  { onDuration, onFailure }: CallReports,
  fault: (problem: string) => void,
): PendingCalls {
  const waiting = new Map<number, { readonly member: string; readonly sentAt: number; readonly settle: ReplyHandler }>()
  let closedFor: string | null = null

  const contained = (onReply: ReplyHandler): ReplyHandler => {
    return (error, body) => {
      try {
        onReply(error, body)
      } catch (thrown) {
        fault(`a reply handler threw: ${stackOf(thrown)}`)
      }
    }
  }

  return {
    add(serial, call, onReply, send) {
      const reply = contained(onReply)
      if (closedFor !== null) return reply(busError('closed', closedFor), [])
      const timeoutMs = call.timeoutMs ?? CALL_AT_MOST_MS
      let undoTimer = () => {}
      const settle: ReplyHandler = (error, body) => {
        waiting.delete(serial)
        undoTimer()
        if (error !== null) onFailure(call.member, error)
        reply(error, body)
      }
      undoTimer = after(timeoutMs, () =>
        settle(
          busError('timeout', `${call.member}: no reply from ${call.destination} within ${timeoutMs / 1000} s`),
          [],
        ),
      )
      waiting.set(serial, { member: call.member, sentAt: performance.now(), settle })
      try {
        send()
      } catch (error) {
        settle(new Error(`cannot send ${call.member}`, { cause: error }), [])
      }
    },
    has: (serial) => waiting.has(serial),
    settle(serial, error, body) {
      const call = waiting.get(serial)
      if (call === undefined) return
      onDuration(call.member, performance.now() - call.sentAt)
      call.settle(error, body)
    },
    close(reason) {
      closedFor ??= reason
      for (const { settle } of [...waiting.values()]) settle(busError('closed', closedFor), [])
    },
  }
}
