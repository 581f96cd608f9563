// Calls that wait for their answer: each is answered once, by the bus, by time, or by the end of the connection.
import { stackOf } from '../core/error-text.ts'
import type { Clock } from '../ports.ts'
import { type Body, busError, type Call } from './bus.ts'

const CALL_AT_MOST_MS = 25_000

export type ReplyHandler = (error: Error | null, body: Body) => void

export interface PendingCalls {
  /** `send` puts the call on the wire under this serial; what it throws is the answer. */
  add(serial: number, call: Call, answered: ReplyHandler, send: () => void): void
  awaits(serial: number): boolean
  answer(serial: number, error: Error | null, body: Body): void
  /** Rejects all that wait, and every later one. */
  close(reason: string): void
}

/** `onAnswer` is told each answer's member and time; `fault` of an answer's listener that throws. */
export function createPendingCalls(
  after: Clock['after'],
  onAnswer: (member: string, ms: number) => void,
  fault: (problem: string) => void,
): PendingCalls {
  const waiting = new Map<
    number,
    { readonly member: string; readonly askedAt: number; readonly settle: ReplyHandler }
  >()
  let closedFor: string | null = null

  const contained = (answered: ReplyHandler): ReplyHandler => {
    return (error, body) => {
      try {
        answered(error, body)
      } catch (thrown) {
        fault(`an answer's listener threw: ${stackOf(thrown)}`)
      }
    }
  }

  return {
    add(serial, call, answered, send) {
      const tell = contained(answered)
      if (closedFor !== null) return tell(busError('closed', closedFor), [])
      const timeoutMs = call.timeoutMs ?? CALL_AT_MOST_MS
      const settle: ReplyHandler = (error, body) => {
        waiting.delete(serial)
        forgetTimer()
        tell(error, body)
      }
      const forgetTimer = after(timeoutMs, () =>
        settle(
          busError('timeout', `${call.member}: no answer from ${call.destination} within ${timeoutMs / 1000} s`),
          [],
        ),
      )
      waiting.set(serial, { member: call.member, askedAt: performance.now(), settle })
      try {
        send()
      } catch (error) {
        settle(new Error(`send ${call.member}`, { cause: error }), [])
      }
    },
    awaits: (serial) => waiting.has(serial),
    answer(serial, error, body) {
      const call = waiting.get(serial)
      if (call === undefined) return
      onAnswer(call.member, performance.now() - call.askedAt)
      call.settle(error, body)
    },
    close(reason) {
      closedFor ??= reason
      for (const { settle } of [...waiting.values()]) settle(busError('closed', closedFor), [])
    },
  }
}
