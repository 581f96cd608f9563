// Home Assistant's documented schema of a device discovery message, for the platforms that we use.
// From home-assistant.io/integrations/mqtt, sensor.mqtt and binary_sensor.mqtt, and core's mqtt/schemas.py.

type Fields = Readonly<Record<string, (value: unknown) => boolean>>

const text = (value: unknown) => typeof value === 'string' && value !== ''
const number = (value: unknown) => typeof value === 'number'
const flag = (value: unknown) => typeof value === 'boolean'
const texts = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(text)
const topic = (value: unknown) => text(value) && !/[+#\0]/.test(String(value))
const oneOf =
  (...words: string[]) =>
  (value: unknown) =>
    words.includes(String(value))
const qos = oneOf('0', '1', '2')

const DEVICE: Fields = {
  ...{ identifiers: texts, manufacturer: text, model: text, model_id: text, name: text, hw_version: text },
  ...{ serial_number: text, sw_version: text, via_device: text, suggested_area: text, configuration_url: text },
}
const ORIGIN: Fields = { name: text, sw_version: text, support_url: text }
const AVAILABILITY: Fields = { topic, payload_available: text, payload_not_available: text, value_template: text }

const ENTITY: Fields = {
  ...{ platform: text, unique_id: text, name: text, default_entity_id: text, icon: text, enabled_by_default: flag },
  ...{ entity_category: oneOf('config', 'diagnostic'), state_topic: topic, value_template: text, qos, encoding: text },
  ...{ json_attributes_topic: topic, json_attributes_template: text, expire_after: number, force_update: flag },
}
const PLATFORMS: Readonly<Record<string, Fields>> = {
  sensor: {
    ...ENTITY,
    device_class: text,
    state_class: oneOf('measurement', 'total', 'total_increasing'),
    options: texts,
    suggested_display_precision: number,
    unit_of_measurement: text,
  },
  binary_sensor: {
    ...ENTITY,
    device_class: oneOf('problem', 'running', 'connectivity', 'safety'),
    payload_on: text,
    payload_off: text,
    off_delay: number,
  },
}

type Json = Readonly<Record<string, unknown>>

/** The reasons why Home Assistant would refuse the message; empty if it is valid. */
export function faults(message: Json): string[] {
  const { device, origin, availability, components, ...rest } = message
  const found = [
    ...wrong('', rest, { qos, encoding: text, state_topic: topic, command_topic: topic }),
    ...wrong('device.', device as Json, DEVICE, ['identifiers']),
    ...wrong('origin.', origin as Json, ORIGIN, ['name']),
  ]
  for (const place of (availability ?? []) as Json[])
    found.push(...wrong('availability.', place, AVAILABILITY, ['topic']))
  const ids = new Set<unknown>()
  for (const [id, component] of Object.entries(components as Record<string, Json>)) {
    const fields = PLATFORMS[String(component['platform'])]
    if (fields === undefined) found.push(`components.${id}.platform`)
    else if (Object.keys(component).length > 1)
      found.push(...wrong(`components.${id}.`, component, fields, ['unique_id', 'state_topic']))
    if (component['unique_id'] !== undefined && ids.has(component['unique_id'])) found.push(`twice: ${id}`)
    ids.add(component['unique_id'])
  }
  return found
}

function wrong(place: string, value: Json, fields: Fields, required: readonly string[] = []): string[] {
  const bad = Object.entries(value).filter(([name, field]) => fields[name]?.(field) !== true)
  return [
    ...bad.map(([name]) => `${place}${name}`),
    ...required.filter((n) => !(n in value)).map((n) => `${place}${n}`),
  ]
}
