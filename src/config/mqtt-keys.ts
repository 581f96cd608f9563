// The rows of the configuration table that configure the connection to the MQTT broker and what is published there.
import { key } from './key-row.ts'
import { line, mqttUrl, path, topicPrefix } from './text-types.ts'
import { bool, integer, orNone } from './value-types.ts'

export const MQTT_KEYS = {
  'mqtt.enabled': key(bool, false, {
    applies: 'now',
    help: 'Publish states and events to an MQTT broker.',
    flags: [{ long: '--no-mqtt', sets: false, help: 'Do not publish to MQTT.' }],
  }),
  'mqtt.url': key(mqttUrl, 'mqtt://127.0.0.1:1883', {
    applies: 'now',
    help: 'The broker: mqtt:// or mqtts://HOST[:PORT], or mqtt+unix:///PATH.',
    secret: true,
    flags: [
      { long: '--mqtt', value: 'URL', also: { 'mqtt.enabled': true }, help: 'Publish to the MQTT broker at this URL.' },
    ],
  }),
  'mqtt.client_id': key(orNone(line), null, {
    applies: 'now',
    help: 'Client identifier at the broker.',
    defaultText: 'gatewatch-<gateway_id>-<4 hex of the stream>',
  }),
  'mqtt.username': key(orNone(line), null, { applies: 'now', help: 'User name at the broker.', defaultText: 'none' }),
  'mqtt.password_file': key(orNone(path), null, {
    applies: 'now',
    help: 'File that holds the password for the broker, such as one from LoadCredential=.',
    defaultText: 'none',
  }),
  'mqtt.ca_file': key(orNone(path), null, {
    applies: 'now',
    help: "Certificates (PEM) that sign the broker's.",
    defaultText: 'those of the system',
  }),
  'mqtt.cert_file': key(orNone(path), null, { applies: 'now', help: 'Client certificate (PEM).', defaultText: 'none' }),
  'mqtt.key_file': key(orNone(path), null, {
    applies: 'now',
    help: 'Key of the client certificate (PEM).',
    defaultText: 'none',
  }),
  'mqtt.prefix': key(topicPrefix, 'gatewatch', {
    applies: 'now',
    help: 'First part of every topic: <prefix>/<gateway_id>/...',
  }),
  'mqtt.qos': key(integer(0, 2), 1, { applies: 'now', help: 'Quality of service of what is published.' }),
  'mqtt.keepalive': key(integer(1, 65_535), 30, {
    applies: 'now',
    help: 'Keep-alive of the connection to the broker.',
    unit: 'seconds',
  }),
  'mqtt.homeassistant': key(bool, false, {
    applies: 'now',
    help: 'Tell Home Assistant of this gateway by MQTT discovery; false takes it back.',
  }),
  'mqtt.commands': key(bool, false, {
    applies: 'now',
    help: 'Hear commands on <prefix>/<gateway_id>/unit/<unit>/set; obeyed only with control.enabled.',
  }),
} as const
