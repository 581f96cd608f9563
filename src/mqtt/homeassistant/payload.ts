// What Home Assistant is told of this gateway: one device with eight entities a unit, in its MQTT device discovery. Pure.
// The names of the fields: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
import type { Json } from '../../core/api-json.ts'
import type { Topics } from '../topics.ts'

/** Home Assistant's own default, for discovery and for its birth. */
export const BIRTH_TOPIC = 'homeassistant/status'

/** Each unit costs about 3,300 bytes of one message; a gateway has a dozen. */
export const UNITS_AT_MOST = 100

interface DevicePayloadOptions {
  readonly gatewayId: string
  readonly version: string
  readonly topics: Topics
  readonly units: readonly string[]
  /** Entities that Home Assistant has and that are no more: their platforms by id. Named once more without anything else. */
  readonly gone: ReadonlyMap<string, string>
}

/** Levels of this topic may have letters, digits, `_` and `-` only; a gateway's id may have dots. */
export function configTopic(gatewayId: string): string {
  return `homeassistant/device/gatewatch-${gatewayId.replaceAll('.', '_2e')}/config`
}

/** The platform of each entity by its id, as Home Assistant will know them. */
export function entities(units: readonly string[]): Map<string, string> {
  return new Map(units.flatMap((unit) => ENTITIES.map(({ what, platform }) => [`${unit}_${what}`, platform] as const)))
}

/** Entities named in a message of ours, empty where it is none. */
export function entitiesIn(payload: string): Map<string, string> {
  const found = new Map<string, string>()
  try {
    const { origin, components } = JSON.parse(payload) as Record<string, Record<string, unknown>>
    if (origin?.['name'] !== ORIGIN) return found
    for (const [id, component] of Object.entries(components ?? {})) {
      const { platform } = component as Record<string, unknown>
      if (typeof platform === 'string') found.set(id, platform)
    }
  } catch {} // whatever somebody else left there
  return found
}

export function devicePayload({ gatewayId, version, topics, units, gone }: DevicePayloadOptions): string {
  const device = { identifiers: [`gatewatch_${gatewayId}`], name: gatewayId, model: 'Gateway', sw_version: version }
  const components: Json = {}
  for (const unit of units) {
    for (const { what, name, platform, ...rest } of ENTITIES) {
      const state_topic = topics.unitState(unit)
      components[`${unit}_${what}`] = {
        platform,
        unique_id: `gatewatch_${gatewayId}_${unit}_${what}`,
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
 * Failed, waiting for the next attempt, at it again and again, or not there though it should be. A unit without a file,
 * or masked, may be meant to be so.
 */
const PROBLEM =
  "{{ 'ON' if value_json.active_state == 'failed' or value_json.gave_up or value_json.flapping" +
  " or 'auto-restart' in (value_json.sub_state or '')" +
  " or value_json.missing in ['never-started', 'error', 'bad-setting'] else 'OFF' }}"

const CAUSE =
  "{% set c = value_json.last_crash %}{{ 'never crashed' if not c else 'exit ' ~ c.exit_code if c.result == 'exit-code'" +
  " and c.exit_code is not none else c.signal if c.signal and c.result in ['signal', 'core-dump'] else c.result }}"

const ENTITIES = [
  {
    what: 'problem',
    name: 'problem',
    platform: 'binary_sensor',
    device_class: 'problem',
    value_template: PROBLEM,
  },
  {
    what: 'state',
    name: 'state',
    platform: 'sensor',
    icon: 'mdi:cog-play',
    value_template: '{{ value_json.active_state }}',
    json_attributes_template:
      "{{ {'sub_state': value_json.sub_state, 'since': value_json.since, 'missing': value_json.missing} | tojson }}",
  },
  {
    what: 'last_cause',
    name: 'last crash',
    platform: 'sensor',
    icon: 'mdi:alert-circle-outline',
    value_template: CAUSE,
    json_attributes_template: '{{ (value_json.last_crash or {}) | tojson }}',
  },
  ...(['starts', 'stops', 'crashes', 'restarts', 'lost'] as const).map((counter) => ({
    what: counter,
    name: counter,
    platform: 'sensor',
    entity_category: 'diagnostic',
    state_class: 'total_increasing',
    value_template: `{{ value_json.counters.${counter} }}`,
  })),
] as const
