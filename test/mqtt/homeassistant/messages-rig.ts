// The discovery messages of a gateway without a broker, for tests; published is what a test passes to `publish`.
import type { Button } from '../../../src/mqtt/homeassistant/entities.ts'
import { configTopics } from '../../../src/mqtt/homeassistant/message.ts'
import { createMessages, type DiscoveryMessage } from '../../../src/mqtt/homeassistant/messages.ts'
import { createPublishedMessages } from '../../../src/mqtt/homeassistant/published-messages.ts'
import { createRemovedEntities } from '../../../src/mqtt/homeassistant/removed-entities.ts'
import { topicsOf } from '../../../src/mqtt/topics.ts'
import type { Level } from '../../../src/ports.ts'
import { testClock } from '../../rig/clock.ts'
import { IDENTITY } from '../gateway.ts'
import { inFull, type Json } from '../homeassistant-schema.ts'

export const ALL: readonly Button[] = ['start', 'stop', 'restart']
export const TOPIC = 'homeassistant/device/gatewatch-gw-7/config'
export const TWELVE = Array.from({ length: 12 }, (_, i) => `wirepas-sink-ttys${i}.service`)

interface RigOptions {
  readonly gatewayId?: string
  readonly linkTopic?: string | null
  readonly pageUrl?: string | null
  readonly buttons?: readonly Button[]
}

/** The messages of a gateway; `publish` takes note of them as published. */
export function createMessagesRig({
  gatewayId = 'gw-7',
  linkTopic = null,
  pageUrl = null,
  buttons = [],
}: RigOptions = {}) {
  const clock = testClock()
  const logged: string[] = []
  const log = (_: Level, text: string) => void logged.push(text)
  const topics = topicsOf('gatewatch', gatewayId)
  const configs = configTopics('homeassistant', gatewayId)
  const published = createPublishedMessages(configs, clock, () => {})
  const removed = createRemovedEntities({ gatewayId, silentTopic: 'x', changed: () => {}, clock, log })
  let units: readonly string[] = []
  let largest = Infinity
  const { machineId } = IDENTITY
  const common = { enabled: true, gatewayId, machineId, version: '0.1.0', topics, linkTopic, log }
  const options = {
    ...common,
    pageUrl: () => pageUrl,
    units: () => units,
    buttons: () => buttons,
    payloadAtMost: () => largest,
  }
  const messages = createMessages(options, configs, published, removed)
  return {
    removed,
    clock,
    logged,
    of(of: readonly string[], payloadAtMost = Infinity): DiscoveryMessage[] {
      units = of
      largest = payloadAtMost
      return messages()
    },
    publish(all: readonly DiscoveryMessage[]): void {
      for (const { topic, payload, entities } of all) published.replace(topic, payload, entities)
    },
  }
}

export const parsed = ({ payload }: DiscoveryMessage) =>
  inFull(JSON.parse(payload)) as Record<string, Record<string, Json>>
export const components = (message: DiscoveryMessage | undefined) =>
  (message ? parsed(message)['components'] : undefined) ?? {}
