// The discovery message for Home Assistant: this gateway as one device, with eight entities per unit. Pure.
// Names of the fields: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
import type { Json } from '../../core/views/api-json.ts'
import type { Topics } from '../topics.ts'

/** Home Assistant's default topic for its birth message, whatever its discovery prefix. */
const DEFAULT_BIRTH_TOPIC = 'homeassistant/status'

/** Each unit takes about 3,300 bytes of the one message; a gateway usually has a dozen. */
export const UNITS_AT_MOST = 100

interface DevicePayloadOptions {
  readonly gatewayId: string
  readonly version: string
  readonly topics: Topics
  readonly units: readonly string[]
  /** Entities to remove from Home Assistant, their platforms by id: an entity with only a platform is removed. */
  readonly gone: ReadonlyMap<string, string>
}

/** Where Home Assistant may publish its birth message: on its default topic, or on the one that belongs to the prefix. */
export function birthTopics(prefix: string): readonly string[] {
  return [...new Set([DEFAULT_BIRTH_TOPIC, `${prefix}/status`])]
}

/** The levels after the prefix may contain letters, digits, `_` and `-` only; a gateway id may contain dots. */
export function configTopic(prefix: string, gatewayId: string): string {
  return `${prefix}/device/gatewatch-${gatewayId.replaceAll('.', '_2e')}/config`
}

/** The platform of each entity by its id. */
export function entities(units: readonly string[]): Map<string, string> {
  return new Map(units.flatMap((unit) => ENTITIES.map(({ key, platform }) => [`${unit}_${key}`, platform] as const)))
}

/** The entities in a discovery message of ours; empty if it is not ours. */
export function entitiesIn(payload: string): Map<string, string> {
  const found = new Map<string, string>()
  try {
    const { origin, components } = JSON.parse(payload) as Record<string, Record<string, unknown>>
    if (origin?.['name'] !== ORIGIN) return found
    for (const [id, component] of Object.entries(components ?? {})) {
      const { platform } = component as Record<string, unknown>
      if (typeof platform === 'string') found.set(id, platform)
    }
  } catch {} // retained by another program
  return found
}

export function devicePayload({ gatewayId, version, topics, units, gone }: DevicePayloadOptions): string {
  const device = { identifiers: [`gatewatch_${gatewayId}`], name: gatewayId, model: 'Gateway', sw_version: version }
  const components: Json = {}
  for (const unit of units) {
    for (const { key, name, platform, ...rest } of ENTITIES) {
      const state_topic = topics.unitState(unit)
      components[`${unit}_${key}`] = {
        platform,
        unique_id: `gatewatch_${gatewayId}_${unit}_${key}`,
        name: `${unit.replace(/\.service$/, '')} ${name}`,
        state_topic,
        ...rest,
        ...('json_attributes_template' in rest ? { json_attributes_topic: state_topic } : {}),
      }
    }
  }
  for (const [id, platform] of gone) components[id] = { platform }
  return JSON.stringify({
    device,
    origin: { name: ORIGIN, sw_version: version },
    availability: [{ topic: topics.availability }],
    qos: 1,
    components,
  })
}

const ORIGIN = 'gatewatch'

/**
 * On when the unit failed, waits for a restart, flaps, or is missing although it should exist. A unit that has no file
 * or is masked may be intended. `None` is Home Assistant's payload for an unknown state.
 */
const PROBLEM =
  "{{ 'None' if value_json.active_state == 'unknown' else 'ON' if value_json.active_state == 'failed' or value_json.gave_up or value_json.flapping" +
  " or 'auto-restart' in (value_json.sub_state or '')" +
  " or value_json.missing in ['never-started', 'error', 'bad-setting'] else 'OFF' }}"

const CAUSE =
  "{% set c = value_json.last_crash %}{{ 'never crashed' if not c else 'exit ' ~ c.exit_code if c.result == 'exit-code'" +
  " and c.exit_code is not none else c.signal if c.signal and c.result in ['signal', 'core-dump'] else c.result }}"

const ENTITIES = [
  {
    key: 'problem',
    name: 'problem',
    platform: 'binary_sensor',
    device_class: 'problem',
    value_template: PROBLEM,
  },
  {
    key: 'state',
    name: 'state',
    platform: 'sensor',
    icon: 'mdi:cog-play',
    value_template: '{{ value_json.active_state }}',
    json_attributes_template:
      "{{ {'sub_state': value_json.sub_state, 'since': value_json.since, 'missing': value_json.missing," +
      " 'frozen': value_json.frozen} | tojson }}",
  },
  {
    key: 'last_cause',
    name: 'last crash',
    platform: 'sensor',
    icon: 'mdi:alert-circle-outline',
    value_template: CAUSE,
    json_attributes_template: '{{ (value_json.last_crash or {}) | tojson }}',
  },
  ...(['starts', 'stops', 'crashes', 'restarts', 'lost'] as const).map((counter) => ({
    key: counter,
    name: counter,
    platform: 'sensor',
    entity_category: 'diagnostic',
    state_class: 'total_increasing',
    value_template: `{{ value_json.counters.${counter} }}`,
  })),
] as const
