// Finds the message that makes a broker end the connection without a reason, so that it does not stop all others. Pure.
// Over MQTT 3.1.1 a broker has no other way to refuse a message, and some use no other way over MQTT 5. After two connections
// that ended with messages in flight, each message is sent alone; one that ends three connections is not published again.
import type { Log } from '../../ports.ts'
import { createMessageLimits, type MessageToSend, type Refusal } from './message-limits.ts'

/** Connections in a row that end with messages in flight, before messages are sent alone. */
const ENDS_BEFORE_ALONE = 2
/** Connections that must end while the same message was in flight alone: a killed broker or a bad link ends some, too. */
const ENDS_OF_POISON = 3
/** An end later than this after the message was sent has another cause. */
const ENDS_WITHIN_MS = 2_000
/**
 * All searches may cost this many connections; after that, only messages are published that are like acknowledged ones. The
 * only other one is availability, which may cost three more.
 */
const ENDS_AT_MOST = 9
/** By then, everything is published that waited for the connection, and for `mqtt.settle`. */
const STABLE_AFTER_MS = 60_000

export interface Poison {
  /** The broker has accepted a connection. `packetBytes`: the largest packet that it accepts, as it states. */
  connected(packetBytes: number, nowMs: number): void
  /** An attempt to connect has failed: the broker itself was down, or the way to it. */
  unreachable(): void
  /**
   * The connection has ended. `oldest`: the first message that was not acknowledged, sent `ageMs` ago. `unexplained`:
   * neither the broker nor the agent has a reason for it.
   */
  ended(oldest: MessageToSend | undefined, ageMs: number, nowMs: number, unexplained: boolean): void
  /** Each message has to be sent alone. */
  searching(nowMs: number): boolean
  /** Why this message must not be sent; null if it may. */
  refusal(message: MessageToSend): Refusal | null
  /** The largest payload that the broker accepts, as far as that is known. */
  payloadAtMost(): number
  /** The broker has acknowledged the message (null) or refused it. */
  settled(message: MessageToSend, refusal: Refusal | null): void
}

interface PoisonOptions {
  /** The largest payload to publish; null for any size. */
  readonly maxMessageBytes: number | null
  /** How long events wait after a connection. */
  readonly settleMs: number
  /** Identifies the run of the broker, where its unit is watched; otherwise always the same. */
  readonly brokerRun: () => string
  readonly log: Log
}

export function createPoison({ maxMessageBytes, settleMs, brokerRun, log }: PoisonOptions): Poison {
  const stableAfterMs = settleMs + STABLE_AFTER_MS
  const limits = createMessageLimits(maxMessageBytes)
  let connectedAtMs = 0
  /** Connections in a row that ended with messages in flight. */
  let ends = 0
  let endedInRun = ''
  let alone = false
  /** The message that was in flight alone when each of the latest connections ended, during one run of the broker. */
  let suspects: MessageToSend[] = []
  /** Connections that the present suspect, and all that were found, have cost. */
  let cost = 0
  let spent = 0

  function acquit(): void {
    suspects = []
    cost = 0
  }

  function stopSearching(): void {
    ends = 0
    alone = false
    acquit()
  }

  function suspect(message: MessageToSend): void {
    if (suspects[0]?.topic !== message.topic) suspects = []
    suspects.push(message)
    cost += 1
  }

  function convict(message: MessageToSend): void {
    limits.endsConnection(message)
    const { topic, payload } = message
    log(
      'warning',
      `mqtt: the broker ended the connection each time a message of ${payload.length} characters on ${topic} was published; such messages are not published again`,
    )
    spent += cost
    acquit()
  }

  function publishOnlyProven(): void {
    limits.onlyProven()
    log(
      'warning',
      `mqtt: the broker ended ${ENDS_AT_MOST} connections because of messages that it does not accept; until gatewatch is restarted, only messages like those that it has acknowledged are published`,
    )
    spent = Number.NEGATIVE_INFINITY
    acquit()
  }

  return {
    connected(packetBytes, nowMs) {
      connectedAtMs = nowMs
      limits.connected(packetBytes)
      if (endedInRun !== brokerRun()) stopSearching()
      const [message] = suspects
      if (message !== undefined && suspects.length >= ENDS_OF_POISON) convict(message)
      if (spent + cost >= ENDS_AT_MOST) publishOnlyProven()
    },
    unreachable: stopSearching,
    ended(oldest, ageMs, nowMs, unexplained) {
      if (oldest === undefined || !unexplained) return stopSearching()
      if (nowMs - connectedAtMs >= stableAfterMs || endedInRun !== brokerRun()) stopSearching()
      endedInRun = brokerRun()
      if (!alone) {
        ends += 1
        if (ends < ENDS_BEFORE_ALONE) return
        alone = true
        cost = ends
      } else if (ageMs <= ENDS_WITHIN_MS) suspect(oldest)
      else acquit()
    },
    searching(nowMs) {
      if (alone && nowMs - connectedAtMs >= stableAfterMs) stopSearching()
      return alone
    },
    refusal: limits.refusal,
    payloadAtMost: limits.payloadAtMost,
    settled(message, refusal) {
      if (refusal === null) limits.acknowledged(message)
      else if (refusal.tooLarge) limits.tooLarge(message)
      const [suspected] = suspects
      if (message.topic === suspected?.topic && message.payload.length >= suspected.payload.length) acquit()
    },
  }
}
