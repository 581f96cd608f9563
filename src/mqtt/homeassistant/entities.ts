// The entities that Home Assistant shows of each unit and of the gateway, with Home Assistant's abbreviated keys. Pure.
// Names of the fields: https://www.home-assistant.io/integrations/mqtt/#supported-abbreviations-in-mqtt-discovery-messages
import type { Json } from '../../core/views/api-json.ts'
import type { Topics } from '../topics.ts'
import { type EntityIds, entityIds, GATEWAY } from './entity-ids.ts'

/** A component of the discovery message with its key in it. */
export interface Entity {
  readonly id: string
  /** `p`: the platform. With only that, the entity is removed. */
  readonly component: Json & { readonly p: string }
  readonly former?: EntityIds['former']
}

/** The commands that a unit accepts over MQTT; Home Assistant gets a button for each. */
export type Button = keyof typeof BUTTONS

interface Row {
  readonly key: string
  readonly name: string
  readonly p: 'sensor' | 'binary_sensor' | 'event' | 'button'
  readonly [field: string]: unknown
}

export function unitEntities(gatewayId: string, topics: Topics, unit: string, buttons: readonly Button[]): Entity[] {
  const shown = unit.replace(/\.service$/, '')
  const state = topics.unitState(unit)
  return [
    ...UNIT_ROWS.map((row) => entity(entityIds(gatewayId, unit, row.key), row, `${shown} ${row.name}`, state)),
    crashEntity(entityIds(gatewayId, unit, 'crash'), unit, `${shown} crash`, topics.event('crash')),
    ...buttons.map((button) => {
      const { id, uniqueId } = entityIds(gatewayId, unit, button)
      const shownAs = { name: `${shown} ${button}`, ...BUTTONS[button] }
      // `config`: not on dashboards that Home Assistant generates, nor offered to voice assistants
      const pressed = { ent_cat: 'config', cmd_t: topics.unitSet(unit), pl_prs: button }
      return { id, component: { p: 'button', uniq_id: uniqueId, ...shownAs, ...pressed } }
    }),
  ]
}

export function gatewayEntities(gatewayId: string, topics: Topics): Entity[] {
  return GATEWAY_ROWS.map((row) => entity(entityIds(gatewayId, GATEWAY, row.key), row, row.name, topics.agent))
}

/**
 * The least of a component that Home Assistant accepts, for an entity that is about to be removed: of an entity that it
 * does not know since its start, it cannot remove the entry in its registry. Null for an unknown platform.
 */
export function leastComponent(platform: string, uniqueId: string, topic: string): Entity['component'] | null {
  const entity = { p: platform, uniq_id: uniqueId }
  if (platform === 'sensor' || platform === 'binary_sensor') return { ...entity, stat_t: topic }
  if (platform === 'event') return { ...entity, stat_t: topic, evt_typ: EVENT_TYPES }
  return platform === 'button' ? { ...entity, cmd_t: topic } : null
}

function entity({ id, uniqueId, former }: EntityIds, row: Row, name: string, topic: string): Entity {
  const { key: _, name: __, p, ...rest } = row
  const attributes = 'json_attr_tpl' in rest ? { json_attr_t: topic } : {}
  return { id, component: { p, uniq_id: uniqueId, name, stat_t: topic, ...rest, ...attributes }, former }
}

/** The events of all units have one topic: the template renders nothing for those of other units, which is ignored. */
function crashEntity({ id, uniqueId }: EntityIds, unit: string, name: string, topic: string): Entity {
  const attributes = EVENT_ATTRIBUTES.map((field) => `'${field}': value_json.${field}`).join(', ')
  const event = `{'event_type': value_json.event, ${attributes}} | tojson`
  return {
    id,
    component: {
      p: 'event',
      uniq_id: uniqueId,
      name,
      stat_t: topic,
      evt_typ: EVENT_TYPES,
      ic: 'mdi:alert-octagon-outline',
      val_tpl: `{% if value_json.service == '${unit.replaceAll('\\', '\\\\')}' %}{{ ${event} }}{% endif %}`,
    },
  }
}

const EVENT_TYPES = ['crash']
const EVENT_ATTRIBUTES = [
  ...['timestamp', 'result', 'exit_code', 'signal', 'core_dumped', 'requested', 'will_restart', 'seq', 'replayed'],
]

const BUTTONS = { start: { ic: 'mdi:play' }, stop: { ic: 'mdi:stop' }, restart: { dev_cla: 'restart' } }

/** Every `active_state` of a payload except `unknown`: systemd's, and ours for a unit that systemd cannot load. */
const STATES = [
  ...['active', 'reloading', 'refreshing', 'inactive', 'failed', 'activating', 'deactivating', 'maintenance'],
  'unloaded',
]

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

const UNIT_ROWS: readonly Row[] = [
  { key: 'problem', name: 'problem', p: 'binary_sensor', dev_cla: 'problem', val_tpl: PROBLEM },
  {
    key: 'state',
    name: 'state',
    p: 'sensor',
    ic: 'mdi:cog-play',
    dev_cla: 'enum',
    ops: STATES,
    val_tpl: "{{ 'None' if value_json.active_state == 'unknown' else value_json.active_state }}",
    json_attr_tpl:
      "{{ {'sub_state': value_json.sub_state, 'since': value_json.since, 'missing': value_json.missing," +
      " 'frozen': value_json.frozen} | tojson }}",
  },
  {
    key: 'last_cause',
    name: 'last crash',
    p: 'sensor',
    ic: 'mdi:alert-circle-outline',
    val_tpl: CAUSE,
    json_attr_tpl: '{{ (value_json.last_crash or {}) | tojson }}',
  },
  {
    key: 'last_crash',
    name: 'last crash time',
    p: 'sensor',
    dev_cla: 'timestamp',
    val_tpl: "{{ value_json.last_crash.timestamp if value_json.last_crash else 'None' }}",
  },
  ...['starts', 'stops', 'crashes', 'restarts', 'lost'].map(
    (counter): Row => ({
      key: counter,
      name: counter,
      p: 'sensor',
      ent_cat: 'diagnostic',
      en: false,
      stat_cla: 'total_increasing',
      val_tpl: `{{ value_json.counters.${counter} }}`,
    }),
  ),
]

const GATEWAY_ROWS: readonly Row[] = [
  {
    key: 'bus',
    name: 'connection to systemd',
    p: 'binary_sensor',
    ent_cat: 'diagnostic',
    dev_cla: 'connectivity',
    val_tpl: "{{ 'ON' if value_json.bus.connected else 'OFF' }}",
    json_attr_tpl: "{{ {'problem': value_json.bus.problem} | tojson }}",
  },
  {
    key: 'flash',
    name: 'state file problem',
    p: 'binary_sensor',
    ent_cat: 'diagnostic',
    dev_cla: 'problem',
    val_tpl: "{{ 'ON' if value_json.flash.problem else 'OFF' }}",
    json_attr_tpl: "{{ {'problem': value_json.flash.problem, 'errors': value_json.flash.errors} | tojson }}",
  },
  {
    key: 'queue',
    name: 'events waiting',
    p: 'sensor',
    ent_cat: 'diagnostic',
    ic: 'mdi:tray-full',
    stat_cla: 'measurement',
    val_tpl: '{{ value_json.queue.queued }}',
    json_attr_tpl: "{{ {'dropped': value_json.queue.dropped} | tojson }}",
  },
]
