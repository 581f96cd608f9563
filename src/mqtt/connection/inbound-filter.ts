// Filters the packets from the broker: only complete ones that the rules and the rate allow are passed on to mqtt.js.
import type { Clock } from '../../ports.ts'
import {
  type Frame,
  publishPropertiesBytes,
  publishTopic,
  type RefusedPacket,
  refusedPacketIn,
  replaceReason,
} from './frame.ts'
import { createFrameBuffer } from './frame-buffer.ts'
import { createInboundRate, RATE_EXCEEDED } from './inbound-rate.ts'
import { costOf, isResponse, isTooLarge, PROPERTIES_AT_MOST_BYTES, type Verdict, verdictOn } from './inbound-rules.ts'

/** What mqtt.js may have to handle before other work gets its turn. */
const COST_PER_TURN = 16

/** The result of `take`. */
type Taken =
  /** Complete packets for mqtt.js, perhaps none. `needsMore`: for the next ones, more bytes are needed. */
  | { readonly kind: 'packets'; readonly bytes: Buffer; readonly needsMore: boolean }
  /** Nothing may be taken, and nothing should be read, for this time. */
  | { readonly kind: 'pause'; readonly ms: number }
  /** The connection must end; `what` completes the sentence "the broker sent ...". */
  | { readonly kind: 'violation'; readonly what: string }

export interface InboundFilter {
  /** The broker will send this many packets as responses to a packet of ours: these are not limited. */
  expect(responses: number): void
  /** Adds bytes from the broker, when `take` has reported that it needs more. */
  add(chunk: Buffer): void
  take(): Taken
}

interface InboundFilterOptions {
  readonly version: 4 | 5
  readonly clock: Pick<Clock, 'now'>
  /** A message was ignored; `what` completes the sentence "the broker sent ...". */
  readonly ignored: (what: string) => void
  /** The broker refuses a message of ours. Called before mqtt.js receives the acknowledgement. */
  readonly refused: (packet: RefusedPacket) => void
}

export function createInboundFilter({ version, clock, ignored, refused }: InboundFilterOptions): InboundFilter {
  const frames = createFrameBuffer()
  const rate = createInboundRate(clock)
  let acknowledged = false
  let expected = 0

  function judge(frame: Frame): Verdict | 'wait' {
    const verdict = verdictOn(frame, version, acknowledged)
    if (verdict !== 'accept') return verdict
    if (!frames.isComplete(frame)) return 'wait'
    const hasProperties = version === 5 && frame.name === 'PUBLISH'
    if (!hasProperties) return 'accept'
    return publishPropertiesBytes(frames.bytes(frame), frame) > PROPERTIES_AT_MOST_BYTES ? 'ignore' : 'accept'
  }

  /** Returns 0 once the packet is paid for. A response to a packet of ours costs nothing. */
  function pay(frame: Frame): number {
    if (frame.name === 'CONNACK') return 0
    if (expected === 0 || !isResponse(frame)) return rate.pay(costOf(frame))
    expected -= 1
    return 0
  }

  function ignore(frame: Frame): void {
    const topic = publishTopic(frames.bytes(frame), frame)
    const what = isTooLarge(frame) ? sizeText(frame) : 'a message with large properties'
    ignored(topic === null ? what : `${what} on ${topic}`)
    frames.skip(frame)
  }

  /** mqtt.js ends the connection if it does not know a reason, as with mosquitto's `Packet too large`. */
  function accept(frame: Frame): void {
    const bytes = frames.bytes(frame)
    const packet = version === 5 ? refusedPacketIn(bytes, frame) : null
    if (packet !== null) {
      refused(packet)
      replaceReason(bytes, frame)
    }
    frames.accept(frame)
  }

  const packets = (needsMore = false): Taken => ({ kind: 'packets', bytes: frames.take(), needsMore })

  return {
    expect(responses) {
      expected += responses
    },
    add: frames.add,
    take() {
      for (let cost = 0; cost < COST_PER_TURN; ) {
        const frame = frames.next()
        const verdict = frame === null ? 'wait' : judge(frame)
        if (frame === null || verdict === 'wait') {
          const taken = packets(true)
          frames.wait(frame)
          return taken
        }
        if (verdict !== 'accept' && frames.accepted()) break
        if (typeof verdict === 'object') return { kind: 'violation', what: verdict.violation }
        const pauseMs = pay(frame)
        if (pauseMs > 0) return frames.accepted() ? packets() : refusalOf(frame, pauseMs)
        if (verdict === 'ignore') ignore(frame)
        else accept(frame)
        acknowledged = true
        cost += costOf(frame)
      }
      return packets()
    },
  }
}

/** What the rate does not allow: one large message, or many small ones. */
function refusalOf(frame: Frame, pauseMs: number): Taken {
  if (pauseMs < Infinity) return { kind: 'pause', ms: pauseMs }
  return { kind: 'violation', what: isTooLarge(frame) ? sizeText(frame) : RATE_EXCEEDED }
}

function sizeText({ bodyBytes }: Frame): string {
  return `a message of ${bodyBytes} bytes`
}
