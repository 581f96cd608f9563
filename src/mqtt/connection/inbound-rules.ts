// The rules for packets from the broker: which are accepted, ignored, or end the connection, and what they cost. Pure.
import { type Frame, sizeOf } from './frame.ts'

/** The largest packet that mqtt.js receives. The largest that we expect is our own retained discovery message. */
export const PACKET_AT_MOST_BYTES = 524_288
/** For the properties of a PUBLISH, and for any other packet: mqtt.js reads 512 KiB of properties in 0.3 s, in one go. */
export const PROPERTIES_AT_MOST_BYTES = 4096
/** All subscriptions have this QoS, so the broker must not send a message with a higher one (MQTT 5.0, 3.8.4). */
export const SUBSCRIBED_QOS = 0

const COST_UNIT_BYTES = 1024

/** Required flags of the packets that a broker may send; a PUBLISH has others. */
const FLAGS: Readonly<Partial<Record<Frame['name'], number>>> = {
  CONNACK: 0,
  PUBACK: 0,
  PUBREC: 0,
  PUBCOMP: 0,
  SUBACK: 0,
  UNSUBACK: 0,
  PINGRESP: 0,
  DISCONNECT: 0,
}

const RESPONSES: readonly Frame['name'][] = ['PUBACK', 'PUBREC', 'PUBCOMP', 'SUBACK', 'UNSUBACK', 'PINGRESP']

/** What is done with a packet; `violation` completes the sentence "the broker sent ...". */
export type Verdict = 'accept' | 'ignore' | { readonly violation: string }

/** Judges a packet by its fixed header. `acknowledged`: there has been a CONNACK. */
export function verdictOn(frame: Frame, version: 4 | 5, acknowledged: boolean): Verdict {
  const { name, flags, bodyBytes } = frame
  if (!acknowledged && name !== 'CONNACK') return violation('no CONNACK (is it an MQTT broker?)')
  if (acknowledged && name === 'CONNACK') return violation('a second CONNACK')
  if (name === 'PUBLISH') {
    const qos = (flags >> 1) & 3
    if (qos > SUBSCRIBED_QOS)
      return violation(`a message with QoS ${qos} for a subscription with QoS ${SUBSCRIBED_QOS}`)
    return isTooLarge(frame) ? 'ignore' : 'accept'
  }
  if (FLAGS[name] === undefined || (name === 'DISCONNECT' && version === 4)) return violation(`an unexpected ${name}`)
  if (flags !== FLAGS[name]) return violation(`a malformed ${name}`)
  return bodyBytes > PROPERTIES_AT_MOST_BYTES ? violation(`a ${name} of ${bodyBytes} bytes`) : 'accept'
}

function violation(what: string): Verdict {
  return { violation: what }
}

/** MQTT 5 counts the fixed header too. */
export function isTooLarge(frame: Frame): boolean {
  return sizeOf(frame) > PACKET_AT_MOST_BYTES
}

/** A packet that the broker sends as a response to one of ours. */
export function isResponse({ name }: Frame): boolean {
  return RESPONSES.includes(name)
}

/** How many of these the broker sends after a packet of ours. A PUBREL is part of a PUBLISH with QoS 2. */
export function responsesTo(packet: { readonly cmd: string; readonly qos?: number }): number {
  if (packet.cmd === 'publish') return packet.qos ?? 0
  return ['subscribe', 'unsubscribe', 'pingreq'].includes(packet.cmd) ? 1 : 0
}

/** What it takes of the budgets: 1 for a packet, and 1 for each KiB. */
export function costOf({ bodyBytes }: Frame): number {
  return 1 + Math.floor(bodyBytes / COST_UNIT_BYTES)
}
