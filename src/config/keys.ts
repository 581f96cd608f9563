// The one table of every configuration key: its type, default, flags and words. Arguments, environment, validation,
// create-config, check-config, help, man page and completion are all derived from it.
import { DEFAULT_UNITS } from './default-units.ts'
import { type Flag, type KeyRow, key } from './key-row.ts'
import { MQTT_KEYS } from './mqtt-keys.ts'
import type { Paths } from './paths.ts'
import { address, busAddress, gatewayId, host, hostPort, path, unit } from './text-types.ts'
import { bool, integer, listOf, oneOf, orNone } from './value-types.ts'

const DAY = 86_400
const MIB = 1_048_576

const KEYS = {
  monitored_services: key(listOf('unit names', unit, 1), DEFAULT_UNITS, {
    applies: 'now',
    help: 'Units to watch: names (a bare name is a service), templates like sink@*.service, globs; any unit type.',
    defaultText: 'the twelve services of a Wirepas gateway',
    flags: [
      {
        long: '--services',
        value: 'U',
        many: true,
        help: 'Units to watch, up to the next option or command; may be repeated. Default: those of a Wirepas gateway.',
      },
    ],
  }),
  max_units: key(integer(1, 10_000), 1000, { applies: 'restart', help: 'At most this many units are watched.' }),
  gateway_id: key(orNone(gatewayId), null, {
    applies: 'restart',
    help: 'Name of this gateway in events, metrics and topics: letters, digits, "_", "-", ".".',
    defaultText: 'WM_GW_ID, else the one kept in the state file, else derived from the machine id',
    flags: [{ long: '--gateway-id', value: 'ID' }],
  }),
  persistence_file: key(path, (home) => home.stateFile, {
    applies: 'restart',
    help: 'The state file: counters and recent events. It belongs on flash, not on a tmpfs.',
    flags: [{ long: '--persistence-file', short: '-p', value: 'FILE' }],
  }),
  flush_interval: key(integer(1, DAY), 60, {
    applies: 'now',
    help: 'Longest time a start or stop may stay off flash; also the average distance of commits under load.',
    unit: 'seconds',
  }),
  log_file: key(orNone(path), null, {
    applies: 'restart',
    help: 'Log to this file, rotated, instead of stderr.',
    defaultText: 'stderr, for the journal',
    flags: [{ long: '--log-file', short: '-l', value: 'FILE' }],
  }),
  log_max_bytes: key(integer(1024, 1024 * MIB), MIB, {
    applies: 'now',
    help: 'Size at which the log file is rotated.',
    unit: 'bytes',
  }),
  log_backups: key(integer(0, 100), 3, { applies: 'now', help: 'Rotated log files that are kept.' }),
  log_format: key(oneOf('text', 'json'), 'text', {
    applies: 'now',
    help: 'Form of the log: lines of text, or one JSON object a line.',
    flags: [{ long: '--log-format', value: 'text|json' }],
  }),
  debug: key(bool, false, {
    applies: 'now',
    help: 'Log what the agent does in detail.',
    flags: [{ long: '--debug', sets: true }],
  }),
  events_file: key(orNone(path), null, {
    applies: 'restart',
    help: 'Append every event to this file as JSON Lines, rotated.',
    defaultText: 'none',
  }),
  events_max_bytes: key(integer(1024, 1024 * MIB), 10 * MIB, {
    applies: 'now',
    help: 'Size at which the events file is rotated.',
    unit: 'bytes',
  }),
  events_backup_count: key(integer(0, 100), 5, { applies: 'now', help: 'Rotated events files that are kept.' }),
  prometheus_enabled: key(bool, true, {
    applies: 'now',
    help: 'Serve metrics, API and dashboard over TCP. The local socket is always served.',
    flags: [{ long: '--no-prometheus', sets: false, help: 'No TCP listener at all; the local socket stays.' }],
  }),
  prometheus_port: key(integer(0, 65_535), (home) => home.port, {
    applies: 'now',
    help: 'TCP port; 0 is any free one, which is printed.',
    flags: [{ long: '--prometheus-port', value: 'N' }],
  }),
  listen: key(orNone(address), null, {
    applies: 'now',
    help: 'Address to listen on, with a port if wanted: 127.0.0.1, [::1]:9200, :9200.',
    defaultText: 'all addresses',
    flags: [{ long: '--listen', value: 'ADDRESS[:PORT]' }],
  }),
  web_config_file: key(orNone(path), null, {
    applies: 'now',
    help: 'TLS, client certificates and users for TCP, in the format of Prometheus (exporter-toolkit).',
    defaultText: 'none: plain HTTP without a password',
  }),
  'http.allowed_hosts': key(listOf('host names', host), [], {
    applies: 'now',
    help: 'Names accepted in the Host header besides IP addresses, localhost and the names of this host.',
    defaultText: 'none besides these',
  }),
  stats_interval: key(integer(1, DAY), 60, {
    applies: 'now',
    help: "How often the agent's own numbers are told: on MQTT, and in one line of the log if something happened.",
    unit: 'seconds',
    flags: [{ long: '--stats-interval', value: 'N' }],
  }),
  resync_interval: key(integer(10, DAY), 300, {
    applies: 'restart',
    help: 'How often every unit is compared with what systemd says.',
    unit: 'seconds',
  }),
  crash_log_lines: key(integer(0, 1000), 0, {
    applies: 'restart',
    help: 'Lines of the journal attached to a crash event; needs the group systemd-journal.',
  }),
  'flap.count': key(integer(2, 100), 5, {
    applies: 'now',
    help: 'Crashes within flap.window that make a unit flapping.',
  }),
  'flap.window': key(integer(1, DAY), 300, {
    applies: 'now',
    help: 'The time in which flap.count crashes are flapping.',
    unit: 'seconds',
  }),
  max_retries: key(integer(0, 10), 3, {
    applies: 'now',
    help: 'How often a control operation is tried again while systemd cannot be reached.',
  }),
  'control.enabled': key(bool, false, {
    applies: 'now',
    help: 'Obey commands to start, stop, restart or reload units, by HTTP (with the token) and MQTT (with mqtt.commands). The user of the agent needs the right to do so: see the polkit rule that comes with it.',
  }),
  'control.token_file': key(orNone(path), null, {
    applies: 'now',
    help: 'File that holds the bearer token for control by HTTP: no token, no control.',
    defaultText: 'none',
  }),
  'control.units': key(listOf('unit names', unit), [], {
    applies: 'now',
    help: 'Units that may be controlled: names, templates like sink@*.service, globs. Empty: the watched ones.',
    defaultText: 'the watched ones',
  }),
  ...MQTT_KEYS,
  'notify.enabled': key(bool, false, {
    applies: 'now',
    help: 'Show crashes, and what is well again, on the desktop of the session that the agent runs in (--user).',
  }),
  'statsd.address': key(orNone(hostPort), null, {
    applies: 'now',
    help: 'Push the numbers of /metrics to StatsD by UDP every stats_interval: HOST[:PORT], port 8125.',
    defaultText: 'none',
  }),
  backend: key(oneOf('auto', 'dbus', 'command'), 'auto', {
    applies: 'now',
    help: 'How units are operated: over D-Bus, by the command systemctl, or (auto) by that where D-Bus cannot be had. Watching needs D-Bus.',
    flags: [{ long: '--backend', value: 'auto|dbus|command' }],
    inFile: false,
  }),
  timeout: key(integer(1, DAY), 300, {
    applies: 'now',
    help: 'How long a command waits for an operation.',
    unit: 'seconds',
    flags: [{ long: '--timeout', value: 'SECONDS' }],
    inFile: false,
  }),
  socket: key(path, (home) => home.socket, {
    applies: 'restart',
    help: 'The local socket, on which the commands of this device reach the agent.',
    flags: [{ long: '--socket', value: 'PATH' }],
    inFile: false,
  }),
  bus: key(busAddress, (home) => home.bus, {
    applies: 'restart',
    help: 'Address of the bus that systemd is on.',
    defaultText: 'DBUS_SYSTEM_BUS_ADDRESS (with --user DBUS_SESSION_BUS_ADDRESS), else the usual one',
    flags: [{ long: '--bus', value: 'ADDRESS' }],
    inFile: false,
  }),
} as const satisfies Record<string, KeyRow<never> | KeyRow<unknown>>

export type Key = keyof typeof KEYS
export const KEY_NAMES = Object.keys(KEYS) as Key[]

/** The row of a key, whatever its type. */
export function rowOf(name: Key): KeyRow<unknown> {
  return KEYS[name] as KeyRow<unknown>
}

export function isKey(name: string): name is Key {
  return Object.hasOwn(KEYS, name)
}

/** Keys of older files that mean nothing any more: accepted with the note. */
export const OBSOLETE_KEYS: Readonly<Record<string, { readonly note: string; readonly flag?: Flag }>> = {
  poll_interval: {
    note: 'is ignored: systemd tells of every change at once, nothing is polled',
    flag: { long: '--poll-interval', value: 'N', help: 'Accepted for older scripts and ignored.' },
  },
}

type Value<K extends Key> = (typeof KEYS)[K] extends KeyRow<infer T> ? T : never
type Head<K extends string> = K extends `${infer H}.${string}` ? H : K
type Below<H extends string> = { readonly [K in Key as K extends `${H}.${infer Rest}` ? Rest : never]: Value<K> }

/** The effective configuration, nested as in the file. */
export type Config = { readonly [H in Head<Key>]: H extends Key ? Value<H> : Below<H> }

/** Value of a key in a configuration. */
export function valueAt(config: Config, name: Key): unknown {
  let at: unknown = config
  for (const part of name.split('.')) at = (at as Record<string, unknown>)[part]
  return at
}

/** The environment variable of a key: `mqtt.url` -> GATEWATCH_MQTT_URL. */
export function variableOf(name: Key): string {
  return `GATEWATCH_${name.toUpperCase().replace('.', '_')}`
}

export function defaultOf(name: Key, home: Paths): unknown {
  const { byDefault } = rowOf(name)
  return typeof byDefault === 'function' ? byDefault(home) : byDefault
}
