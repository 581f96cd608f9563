// The rows of the table of configuration keys for MQTT: the connection to the broker, and what is published.
import { key } from './key-row.ts'
import { line, mqttUrl, path, topic, topicPrefix } from './text-types.ts'
import { bool, boolOr, integer, orNone } from './value-types.ts'

export const MQTT_KEYS = {
  'mqtt.enabled': key(bool, false, {
    applies: 'now',
    help: 'Publish states and events to an MQTT broker.',
    flags: [{ long: '--no-mqtt', sets: false, help: 'Do not publish to MQTT.' }],
  }),
  'mqtt.url': key(mqttUrl, 'mqtt://127.0.0.1:1883', {
    applies: 'now',
    help: 'URL of the broker: mqtt:// or mqtts://HOST[:PORT], or mqtt+unix:///PATH.',
    secret: true,
    otherNames: ['mqtt.host', 'mqtt.port', 'mqtt.broker', 'mqtt.server', 'mqtt.address', 'mqtt.uri', 'mqtt.tls'],
    flags: [
      {
        long: '--mqtt',
        value: 'URL',
        alsoSets: { 'mqtt.enabled': true },
        help: 'Publish to the MQTT broker at this URL.',
      },
    ],
  }),
  'mqtt.client_id': key(orNone(line), null, {
    applies: 'now',
    help: 'MQTT client identifier.',
    defaultText: 'gatewatch-<gateway_id>-<4 hex digits of the stream>',
  }),
  'mqtt.username': key(orNone(line), null, {
    applies: 'now',
    help: 'User name for the broker.',
    defaultText: 'none',
    otherNames: ['mqtt.user', 'mqtt.login'],
  }),
  'mqtt.password_file': key(orNone(path), null, {
    applies: 'now',
    help: 'File with the password for the broker, for example a systemd credential (LoadCredential=).',
    defaultText: 'none',
    otherNames: ['mqtt.password', 'mqtt.pass'],
  }),
  'mqtt.ca_file': key(orNone(path), null, {
    applies: 'now',
    help: 'CA certificates (PEM) to verify the certificate of the broker.',
    defaultText: 'the CA certificates of the system',
  }),
  'mqtt.cert_file': key(orNone(path), null, { applies: 'now', help: 'Client certificate (PEM).', defaultText: 'none' }),
  'mqtt.key_file': key(orNone(path), null, {
    applies: 'now',
    help: 'Private key of the client certificate (PEM).',
    defaultText: 'none',
  }),
  'mqtt.prefix': key(topicPrefix, 'gatewatch', {
    applies: 'now',
    help: 'Prefix of every topic: <prefix>/<gateway_id>/...',
    otherNames: ['mqtt.topic', 'mqtt.topic_prefix', 'mqtt.base_topic'],
  }),
  'mqtt.qos': key(integer(0, 2), 1, { applies: 'now', help: 'Quality of service of published messages.' }),
  'mqtt.keepalive': key(integer(1, 65_535), 30, {
    applies: 'now',
    help: 'Keep-alive interval of the connection to the broker.',
    unit: 'seconds',
  }),
  'mqtt.settle': key(integer(0, 300), 3, {
    applies: 'now',
    help: 'How long waiting events are held after a reconnection. Subscribers can reconnect first; 0 publishes the events at once.',
    unit: 'seconds',
  }),
  'mqtt.max_message_bytes': key(orNone(integer(256, 268_435_455)), null, {
    applies: 'now',
    help: 'Largest payload to publish. Set it to the limit of a broker that drops larger messages silently, as mosquitto does over MQTT 3.1.1 (message_size_limit). A crash event that is larger is published without its journal lines; any other larger message is not published.',
    unit: 'bytes',
    defaultText: 'none',
    otherNames: ['mqtt.message_size_limit', 'mqtt.max_packet_size', 'mqtt.max_message_size'],
  }),
  'mqtt.homeassistant': key(bool, false, {
    applies: 'now',
    help: 'Publish Home Assistant MQTT discovery; false removes the device again.',
  }),
  'mqtt.discovery_prefix': key(topicPrefix, 'homeassistant', {
    applies: 'now',
    help: "Home Assistant's discovery prefix. The device is published below <discovery_prefix>/device.",
  }),
  'mqtt.link_topic': key(orNone(topic), null, {
    applies: 'now',
    help: 'Topic on which a bridge publishes 1 while its link is up and 0 otherwise. If set, Home Assistant shows the gateway as unavailable unless it is 1.',
    defaultText: 'none',
  }),
  'mqtt.thinedge': key(bool, false, {
    applies: 'now',
    help: 'Publish the watched units as services of thin-edge.io (te/device/main/service/...); false removes them again.',
  }),
  'mqtt.commands': key(boolOr('force'), false, {
    applies: 'now',
    help: 'Accept commands on <prefix>/<gateway_id>/unit/<unit>/set; requires control.enabled. "force": also over MQTT 3.1.1, where a retained command cannot be recognised if it is published while the agent is connected.',
  }),
} as const
