// What the broker does not accept, as far as that is known for this run: by its own statement, by its refusals, and by the
// connections that it ended. Pure.
import { Buffer } from 'node:buffer'
import type { Message } from '../connection/connection.ts'

export interface MessageToSend extends Message {
  /** There is a shorter form of it, which is published when this one is refused as too large. */
  readonly canShorten?: boolean
}

/** Why a message must not be published, in words that complete the sentence "the broker refuses TOPIC: ...". */
export interface Refusal {
  readonly why: string
  readonly tooLarge: boolean
}

export interface MessageLimits {
  /** A connection begins. `packetBytes`: the largest packet that the broker accepts, as it states. */
  connected(packetBytes: number): void
  /** Null if the message may be published. */
  refusal(message: MessageToSend): Refusal | null
  /** The largest payload to try, for messages whose content can be distributed. */
  payloadAtMost(): number
  acknowledged(message: MessageToSend): void
  /** The broker has refused the message because of its size. */
  tooLarge(message: MessageToSend): void
  /** It is proven that the broker ends the connection when it receives the message. */
  endsConnection(message: MessageToSend): void
  /** From now on, only messages are published that are like acknowledged ones (not larger, on the same topics) or tiny. */
  onlyProven(): void
}

/**
 * Ordinary states and events are smaller. If one of these ends the connection, the reason is probably its topic (some
 * brokers do that where others refuse), and messages on other topics must not suffer from it.
 */
const ORDINARY_BYTES = 2048

/** Availability, and empty messages, which clear a topic. */
const TINY_BYTES = 16

/** What a PUBLISH contains beside its payload, if its topic and properties are short. */
const OVERHEAD_BYTES = 400
/** Of a payload that was refused, for the next attempt: each may cost connections. */
const PART_OF_REFUSED = 0.25

/** Acknowledged topics that are remembered; a thousand units have as many. */
const TOPICS_AT_MOST = 2000

const TOO_LARGE: Refusal = { why: 'the message is larger than it accepts', tooLarge: true }
const ABOVE_CONFIGURED: Refusal = { why: 'the message is larger than mqtt.max_message_bytes', tooLarge: true }
const ENDS_CONNECTION = 'it ends the connection each time'
const UNPROVEN = 'it ended too many connections; only messages like those that it has acknowledged are published'

/** `configured`: the largest payload, null for any size. */
export function createMessageLimits(configured: number | null): MessageLimits {
  const configuredBytes = configured ?? Infinity
  let packetBytes = Infinity
  /** A payload of this size or above is refused. */
  let refusedBytes = Infinity
  /** The same for a topic. */
  const refusedOn = new Map<string, number>()
  let largestAcknowledged = 0
  /** The limit was learned from connections that ended: to come near it again is expensive. */
  let learnedTheHardWay = false
  const acknowledgedTopics = new Set<string>()
  let onlyProven = false

  function isTooLarge(message: MessageToSend, bytes: number): boolean {
    if (bytes >= refusedBytes) return true
    // few brokers state a limit
    if (packetBytes < Infinity && packetBytesOf(message, bytes) > packetBytes) return true
    return message.canShorten === true && learnedTheHardWay && bytes > largestAcknowledged
  }

  function isProven({ topic }: MessageToSend, bytes: number): boolean {
    const topicMatters = refusedOn.size > 0
    if (bytes <= TINY_BYTES) return true
    return bytes <= largestAcknowledged && (!topicMatters || acknowledgedTopics.has(topic))
  }

  return {
    connected(bytes) {
      packetBytes = bytes
    },
    refusal(message) {
      const bytes = payloadBytesOf(message)
      const tooLarge = message.canShorten === true
      if (bytes > configuredBytes) return ABOVE_CONFIGURED
      if (isTooLarge(message, bytes)) return TOO_LARGE
      if (bytes >= (refusedOn.get(message.topic) ?? Infinity)) return { why: ENDS_CONNECTION, tooLarge }
      return onlyProven && !isProven(message, bytes) ? { why: UNPROVEN, tooLarge } : null
    },
    payloadAtMost() {
      if (onlyProven) return largestAcknowledged
      const learned = Math.max(largestAcknowledged, Math.floor(refusedBytes * PART_OF_REFUSED))
      return Math.min(configuredBytes, packetBytes - OVERHEAD_BYTES, learned)
    },
    acknowledged(message) {
      largestAcknowledged = Math.max(largestAcknowledged, payloadBytesOf(message))
      if (acknowledgedTopics.size < TOPICS_AT_MOST) acknowledgedTopics.add(message.topic)
    },
    tooLarge(message) {
      refusedBytes = Math.min(refusedBytes, payloadBytesOf(message))
    },
    endsConnection(message) {
      const bytes = payloadBytesOf(message)
      if (bytes > ORDINARY_BYTES && bytes > largestAcknowledged) {
        refusedBytes = Math.min(refusedBytes, bytes)
        learnedTheHardWay = true
      } else refusedOn.set(message.topic, Math.min(bytes, refusedOn.get(message.topic) ?? Infinity))
    },
    onlyProven() {
      onlyProven = true
    },
  }
}

function payloadBytesOf({ payload }: MessageToSend): number {
  return Buffer.byteLength(payload)
}

/** Size of the PUBLISH over MQTT 5 (3.3 and table 2-4), where brokers state their limit. */
function packetBytesOf({ topic, expirySeconds, properties = {} }: MessageToSend, payloadBytes: number): number {
  let propertyBytes = expirySeconds === undefined ? 0 : 5
  for (const [name, value] of Object.entries(properties))
    propertyBytes += 5 + Buffer.byteLength(name) + Buffer.byteLength(value)
  const body = 2 + Buffer.byteLength(topic) + 2 + lengthBytes(propertyBytes) + propertyBytes + payloadBytes
  return 1 + lengthBytes(body) + body
}

/** What the length itself takes: 7 bits in each byte (MQTT 5.0, 1.5.5). */
function lengthBytes(length: number): number {
  return length < 2 ** 7 ? 1 : length < 2 ** 14 ? 2 : length < 2 ** 21 ? 3 : 4
}
