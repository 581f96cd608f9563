// The discovery messages for Home Assistant: this gateway as one device, its entities as components. Pure.
// Names of the fields: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
import { Buffer } from 'node:buffer'
import type { Json } from '../../core/views/api-json.ts'
import type { Topics } from '../topics.ts'
import type { Entity } from './entities.ts'

/** Home Assistant's default topic for its birth message, whatever its discovery prefix. */
const DEFAULT_BIRTH_TOPIC = 'homeassistant/status'

/** Where Home Assistant may publish its birth message: on its default topic, or on the one that belongs to the prefix. */
export function birthTopics(prefix: string): readonly string[] {
  return [...new Set([DEFAULT_BIRTH_TOPIC, `${prefix}/status`])]
}

export interface ConfigTopics {
  /** The topic of the first message, and the only one unless all entities do not fit into one message. */
  readonly first: string
  /** Filter for the others. */
  readonly others: string
  /** The topic of the message with this number, from 1 on. */
  of(number: number): string
  /** The reverse; null for any other topic. */
  numberOf(topic: string): number | null
}

/**
 * The topics of a gateway's discovery messages. The levels after the prefix may contain letters, digits, `_` and `-`
 * only; a gateway id may contain dots.
 */
export function configTopics(prefix: string, gatewayId: string): ConfigTopics {
  const device = `${prefix}/device/gatewatch-${gatewayId.replaceAll('.', '_2e')}`
  const of = (number: number) => (number === 1 ? `${device}/config` : `${device}/${number}/config`)
  const numberOf = (topic: string) => {
    if (topic === of(1)) return 1
    const number = Number(topic.slice(device.length + 1, -'/config'.length))
    return number > 1 && topic === of(number) ? number : null
  }
  return { first: of(1), others: `${device}/+/config`, of, numberOf }
}

interface HeadOptions {
  readonly gatewayId: string
  /** Derived; `unknown` if there is none. */
  readonly machineId: string
  readonly version: string
  readonly topics: Topics
  /** The topic on which a bridge publishes 1 while its link is up, else 0; null: none. */
  readonly linkTopic: string | null
  /** The address of our page; null if it is unknown. */
  readonly pageUrl: string | null
}

const ORIGIN = 'gatewatch'
const UNKNOWN_MACHINE = 'unknown'
/** The project has no public address yet: the placeholder that the Yocto layer has, too. */
const SUPPORT_URL = 'https://gatewatch.invalid/'

/** What all messages of a gateway have in common; the text before the components. */
export function messageHead({ gatewayId, machineId, version, topics, linkTopic, pageUrl }: HeadOptions): string {
  const link = linkTopic === null ? [] : [{ t: linkTopic, pl_avail: '1', pl_not_avail: '0' }]
  const head: Json = {
    dev: {
      ids: [`gatewatch_${gatewayId}`],
      name: gatewayId,
      mf: 'gatewatch',
      mdl: 'Gateway',
      sw: version,
      ...(machineId === UNKNOWN_MACHINE ? {} : { sn: machineId }),
      ...(pageUrl === null ? {} : { cu: pageUrl }),
    },
    o: { name: ORIGIN, sw: version, url: SUPPORT_URL },
    avty: [{ t: topics.availability }, ...link],
    ...(linkTopic === null ? {} : { avty_mode: 'all' }),
    qos: 1,
  }
  return `${JSON.stringify(head).slice(0, -1)},"cmps":{`
}

const TAIL = '}}'

/** An entity as a part of a message. */
export interface Component {
  readonly id: string
  readonly platform: string
  readonly text: string
  /** With the separator. */
  readonly bytes: number
}

export function componentOf({ id, component }: Entity): Component {
  const text = `${JSON.stringify(id)}:${JSON.stringify(component)}`
  return { id, platform: component.p, text, bytes: Buffer.byteLength(text) + 1 }
}

export function messageOf(head: string, components: readonly Component[]): string {
  return `${head}${components.map(({ text }) => text).join(',')}${TAIL}`
}

/** What a message without components takes. */
export function headBytes(head: string): number {
  return Buffer.byteLength(head) + TAIL.length
}

/** The platforms of the entities in a discovery message of ours, also of older versions; empty if it is not ours. */
export function entitiesIn(payload: string): Map<string, string> {
  const message = parsed(payload)
  const found = new Map<string, string>()
  for (const [id, component] of Object.entries(message?.['cmps'] ?? message?.['components'] ?? {})) {
    const { p, platform = p } = (component ?? {}) as Record<string, unknown>
    if (typeof platform === 'string') found.set(id, platform)
  }
  return found
}

/** Which machine published a discovery message of a gatewatch, null if unknown; null if another program did. */
export function ownerOfDiscovery(payload: string): { readonly machineId: string | null } | null {
  const message = parsed(payload)
  if (message === null) return null
  const machineId = message['dev']?.['sn']
  return { machineId: typeof machineId === 'string' ? machineId : null }
}

/** A discovery message of a gatewatch; null if another program retained the payload. */
function parsed(payload: string): Readonly<Record<string, Record<string, unknown> | null | undefined>> | null {
  try {
    const message = JSON.parse(payload)
    return (message?.o ?? message?.origin)?.name === ORIGIN ? message : null
  } catch {
    return null
  }
}
