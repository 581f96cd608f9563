// A Home Assistant as far as MQTT discovery goes, at a real broker: it subscribes to discovery, sets entities up, removes
// them, and keeps its registry while it is off. After core's mqtt/discovery.py and mqtt/entity.py:
// - A component without configuration removes an entity only if it was set up since the start of Home Assistant.
// - A component that is set up again under another key is ignored if its unique id exists already.
// - A new entity gets an entity id, after which its history is named, from its name; a number is added if it is taken.
// - An entity that is disabled is in the registry, but is not set up, and therefore not removed either.
import type { Mosquitto, ReceivedMessage, Subscriber } from '../rig/mosquitto.ts'
import { faults, inFull, isConfigTopic, type Json } from './homeassistant-schema.ts'

export interface ScriptedHomeAssistant {
  /** Subscribes, then publishes its birth message. */
  start(): Promise<void>
  /** Publishes its Will, as at every end. */
  stop(): Promise<void>
  /** Unique ids in the registry, those of disabled entities included. */
  registry(): string[]
  /** The entity id, with which it has its history. */
  entityId(uniqueId: string): string | undefined
  /** Everything wrong with the messages so far. */
  faults(): readonly string[]
  /** The discovery messages that it received in its present run. */
  received(): readonly ReceivedMessage[]
}

export function createHomeAssistant(broker: Mosquitto): ScriptedHomeAssistant {
  /** Entity ids by unique id. */
  const registry = new Map<string, string>()
  const found: string[] = []
  /** Entities that are set up, by platform, topic and key. */
  let known = new Map<string, Json>()
  let subscriber: Subscriber | null = null
  let processed = 0

  function processAll(): void {
    for (const message of subscriber?.received.slice(processed) ?? []) processDevice(message)
    processed = subscriber?.received.length ?? 0
  }

  function processDevice({ topic, payload }: ReceivedMessage): void {
    if (!isConfigTopic(topic)) return void found.push(`topic ${topic}`)
    if (payload === '') {
      for (const key of known.keys()) if (key.split(' ')[1] === topic) remove(key)
      return
    }
    const message = JSON.parse(payload) as Json
    found.push(...faults(message))
    for (const [id, { platform, ...config }] of Object.entries(inFull(message)['components'] as Record<string, Json>)) {
      const key = `${platform} ${topic} ${id}`
      if (Object.keys(config).length === 0) remove(key)
      else setUp(key, `${platform}.${String(config['name']).replaceAll(/\W/g, '_')}`, config)
    }
  }

  function setUp(key: string, wantedId: string, config: Json): void {
    const uniqueId = String(config['unique_id'])
    const isElsewhere = [...known].some(([other, { unique_id }]) => other !== key && unique_id === uniqueId)
    if (isElsewhere) return void found.push(`unique id twice: ${uniqueId}`)
    const taken = new Set(registry.values())
    if (!registry.has(uniqueId)) registry.set(uniqueId, taken.has(wantedId) ? `${wantedId}_2` : wantedId)
    if (config['enabled_by_default'] !== false) known.set(key, config)
  }

  function remove(key: string): void {
    const uniqueId = known.get(key)?.['unique_id']
    if (uniqueId === undefined) return
    registry.delete(String(uniqueId))
    known.delete(key)
  }

  return {
    async start() {
      known = new Map()
      processed = 0
      subscriber = await broker.subscribe('homeassistant/device/#')
      broker.publish('homeassistant/status', 'online')
    },
    async stop() {
      processAll()
      await subscriber?.stop()
      subscriber = null
      broker.publish('homeassistant/status', 'offline')
    },
    registry() {
      processAll()
      return [...registry.keys()].toSorted()
    },
    entityId(uniqueId) {
      processAll()
      return registry.get(uniqueId)
    },
    faults() {
      processAll()
      return found
    },
    received: () => subscriber?.received ?? [],
  }
}
