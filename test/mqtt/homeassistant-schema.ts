// Home Assistant's documented schema of a device discovery message, for the platforms that we use, with its abbreviations.
// From home-assistant.io/integrations/mqtt, sensor.mqtt, binary_sensor.mqtt, event.mqtt and button.mqtt, and core's
// mqtt/schemas.py, discovery.py and sensor.py.

export type Json = Readonly<Record<string, unknown>>
type Fields = Readonly<Record<string, (value: unknown) => boolean>>

/** The supported abbreviations, as far as they are names of the fields below. */
const ABBREVIATIONS: Readonly<Record<string, string>> = {
  ...{ avty: 'availability', avty_mode: 'availability_mode', cmd_t: 'command_topic', cmd_tpl: 'command_template' },
  ...{ cmps: 'components', def_ent_id: 'default_entity_id', dev: 'device', dev_cla: 'device_class', e: 'encoding' },
  ...{ en: 'enabled_by_default', ent_cat: 'entity_category', evt_typ: 'event_types', exp_aft: 'expire_after' },
  ...{ frc_upd: 'force_update', ic: 'icon', json_attr_t: 'json_attributes_topic', o: 'origin', off_dly: 'off_delay' },
  ...{ json_attr_tpl: 'json_attributes_template', ops: 'options', p: 'platform', pl_avail: 'payload_available' },
  ...{ pl_not_avail: 'payload_not_available', pl_off: 'payload_off', pl_on: 'payload_on', pl_prs: 'payload_press' },
  ...{ ret: 'retain', stat_cla: 'state_class', stat_t: 'state_topic', sug_dsp_prc: 'suggested_display_precision' },
  ...{ t: 'topic', uniq_id: 'unique_id', unit_of_meas: 'unit_of_measurement', val_tpl: 'value_template' },
}
const DEVICE_ABBREVIATIONS = {
  ...{ cu: 'configuration_url', cns: 'connections', ids: 'identifiers', mf: 'manufacturer', mdl: 'model' },
  ...{ mdl_id: 'model_id', hw: 'hw_version', sw: 'sw_version', sa: 'suggested_area', sn: 'serial_number' },
}
const ORIGIN_ABBREVIATIONS = { sw: 'sw_version', url: 'support_url' }

const text = (value: unknown) => typeof value === 'string' && value !== ''
const number = (value: unknown) => typeof value === 'number'
const flag = (value: unknown) => typeof value === 'boolean'
const texts = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(text)
/** A topic to publish on; for subscriptions Home Assistant allows wildcards, too. */
const topic = (value: unknown) => text(value) && !/[+#\0]/.test(String(value))
const icon = (value: unknown) => text(value) && String(value).includes(':')
const url = (value: unknown) =>
  URL.canParse(String(value)) && /^(https?|homeassistant):\/\/[^/]/.test(new URL(String(value)).href)
const oneOf =
  (...words: string[]) =>
  (value: unknown) =>
    words.includes(String(value))
const qos = oneOf('0', '1', '2')

const DEVICE: Fields = {
  ...{ identifiers: texts, manufacturer: text, model: text, model_id: text, name: text, hw_version: text },
  ...{ serial_number: text, sw_version: text, via_device: text, suggested_area: text, configuration_url: url },
}
const ORIGIN: Fields = { name: text, sw_version: text, support_url: url }
const AVAILABILITY: Fields = { topic, payload_available: text, payload_not_available: text, value_template: text }
const ROOT: Fields = {
  ...{
    qos,
    encoding: text,
    state_topic: topic,
    command_topic: topic,
    availability_mode: oneOf('all', 'any', 'latest'),
  },
}

const ENTITY: Fields = {
  ...{ platform: text, unique_id: text, name: text, default_entity_id: text, icon, enabled_by_default: flag },
  ...{ value_template: text, qos, encoding: text, json_attributes_topic: topic, json_attributes_template: text },
}
/** Home Assistant does not add a sensor of the category `config`. */
const READ_ONLY: Fields = { ...ENTITY, entity_category: oneOf('diagnostic'), state_topic: topic }
const PLATFORMS: Readonly<Record<string, { fields: Fields; required: readonly string[] }>> = {
  sensor: {
    fields: {
      ...{ ...READ_ONLY, options: texts, unit_of_measurement: text, suggested_display_precision: number },
      ...{ expire_after: number, force_update: flag, device_class: oneOf('enum', 'timestamp', 'duration') },
      state_class: oneOf('measurement', 'total', 'total_increasing'),
    },
    required: ['state_topic'],
  },
  binary_sensor: {
    fields: {
      ...{ ...READ_ONLY, payload_on: text, payload_off: text, off_delay: number, expire_after: number },
      ...{ force_update: flag, device_class: oneOf('problem', 'running', 'connectivity', 'safety') },
    },
    required: ['state_topic'],
  },
  event: {
    fields: { ...READ_ONLY, event_types: texts, device_class: oneOf('button', 'doorbell', 'motion') },
    required: ['state_topic', 'event_types'],
  },
  button: {
    fields: {
      ...{ ...ENTITY, command_topic: topic, command_template: text, payload_press: text, retain: flag },
      ...{ device_class: oneOf('identify', 'restart', 'update'), entity_category: oneOf('config', 'diagnostic') },
    },
    required: ['command_topic'],
  },
}

/** `device/[<node_id>/]<object_id>/config`, below the discovery prefix. */
export function isConfigTopic(name: string, prefix = 'homeassistant'): boolean {
  return name.startsWith(`${prefix}/`) && /^device\/([\w-]+\/)?[\w-]+\/config$/.test(name.slice(prefix.length + 1))
}

/** The message with all names in full, as Home Assistant reads it. */
export function inFull(message: Json): Json {
  const { device, origin, availability, components, ...rest } = renamed(message, ABBREVIATIONS)
  const places = (availability ?? []) as Json[]
  const all = Object.entries((components ?? {}) as Record<string, Json>)
  return {
    ...rest,
    device: renamed(device as Json, DEVICE_ABBREVIATIONS),
    origin: renamed(origin as Json, ORIGIN_ABBREVIATIONS),
    ...(availability === undefined ? {} : { availability: places.map((place) => renamed(place, ABBREVIATIONS)) }),
    components: Object.fromEntries(all.map(([id, component]) => [id, renamed(component, ABBREVIATIONS)])),
  }
}

function renamed(value: Json, names: Readonly<Record<string, string>>): Json {
  return Object.fromEntries(Object.entries(value ?? {}).map(([name, field]) => [names[name] ?? name, field]))
}

/** The reasons why Home Assistant would refuse the message or ignore a part of it; empty if it is valid. */
export function faults(message: Json): string[] {
  const { device, origin, availability, components, ...rest } = inFull(message)
  const found = [
    ...wrong('', rest, ROOT),
    ...wrong('device.', device as Json, DEVICE, ['identifiers']),
    ...wrong('origin.', origin as Json, ORIGIN, ['name']),
  ]
  for (const place of (availability ?? []) as Json[])
    found.push(...wrong('availability.', place, AVAILABILITY, ['topic']))
  const ids = new Set<unknown>()
  for (const [id, component] of Object.entries(components as Record<string, Json>)) {
    found.push(...componentFaults(id, component))
    if (component['unique_id'] !== undefined && ids.has(component['unique_id'])) found.push(`twice: ${id}`)
    ids.add(component['unique_id'])
  }
  return found
}

function componentFaults(id: string, component: Json): string[] {
  const platform = PLATFORMS[String(component['platform'])]
  if (platform === undefined) return [`components.${id}.platform`]
  // Home Assistant splits the ids of known components at spaces.
  const bad = id.includes(' ') ? [`components.${id}`] : []
  if (Object.keys(component).length === 1) return bad
  const { options, device_class: deviceClass, state_class: stateClass, unit_of_measurement: unit } = component
  const badOptions = options !== undefined && (deviceClass !== 'enum' || stateClass !== undefined || unit !== undefined)
  if (badOptions || (deviceClass === 'enum' && options === undefined)) bad.push(`components.${id}.options`)
  return [...bad, ...wrong(`components.${id}.`, component, platform.fields, ['unique_id', ...platform.required])]
}

function wrong(place: string, value: Json, fields: Fields, required: readonly string[] = []): string[] {
  const bad = Object.entries(value).filter(([name, field]) => fields[name]?.(field) !== true)
  return [
    ...bad.map(([name]) => `${place}${name}`),
    ...required.filter((n) => !(n in value)).map((n) => `${place}${n}`),
  ]
}
